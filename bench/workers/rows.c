/* What `rows()` of objects.js does, in C. Prints how many milliseconds it took. */
#include "sqlite3.c"

#include <stdio.h>
#include <time.h>

#define ROWS 100000

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

int main(int count, char **arguments) {
  sqlite3 *db;
  sqlite3_stmt *insert, *select;
  if (count != 2 || sqlite3_open(arguments[1], &db)) return 1;
  if (sqlite3_exec(db, "pragma journal_mode = wal", 0, 0, 0)) return 1;
  double start = now_ms();
  if (sqlite3_exec(db, "begin; create table rows (id integer primary key, name text, size real)", 0, 0, 0)) return 1;
  if (sqlite3_prepare_v2(db, "insert into rows values (?, ?, ?)", -1, &insert, 0)) return 1;
  for (int id = 1; id <= ROWS; id++) {
    char name[32];
    int length = snprintf(name, sizeof name, "name %d", id);
    sqlite3_bind_int64(insert, 1, id);
    sqlite3_bind_text(insert, 2, name, length, SQLITE_TRANSIENT);
    sqlite3_bind_double(insert, 3, id / 3.0);
    if (sqlite3_step(insert) != SQLITE_DONE) return 1;
    sqlite3_reset(insert);
  }
  int seen = 0;
  double sum = 0;
  if (sqlite3_prepare_v2(db, "select id, name, size from rows", -1, &select, 0)) return 1;
  while (sqlite3_step(select) == SQLITE_ROW) {
    if (sqlite3_column_int64(select, 0) > 0 && sqlite3_column_text(select, 1) && sqlite3_column_bytes(select, 1) > 5) seen++;
    sum += sqlite3_column_double(select, 2);
  }
  sqlite3_finalize(select);
  sqlite3_finalize(insert);
  if (sqlite3_exec(db, "commit", 0, 0, 0) || seen != ROWS || sum <= 0) return 1;
  printf("%.3f\n", now_ms() - start);
  return 0;
}

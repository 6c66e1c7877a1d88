/* What `rows()` of objects.js does, in C, or with the word `sql` what `rowsInSql()` does. Prints how many milliseconds it
   took. */
#include "sqlite3.c"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROWS 100000
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* Says how many rows were seen. */
static int one_by_one(sqlite3 *db) {
  sqlite3_stmt *insert, *select;
  if (sqlite3_prepare_v2(db, "insert into rows values (?, ?, ?)", -1, &insert, 0)) return 0;
  for (int id = 1; id <= ROWS; id++) {
    char name[32];
    int length = snprintf(name, sizeof name, "name %d", id);
    sqlite3_bind_int64(insert, 1, id);
    sqlite3_bind_text(insert, 2, name, length, SQLITE_TRANSIENT);
    sqlite3_bind_double(insert, 3, id / 3.0);
    if (sqlite3_step(insert) != SQLITE_DONE) return 0;
    sqlite3_reset(insert);
  }
  int seen = 0;
  double sum = 0;
  if (sqlite3_prepare_v2(db, "select id, name, size from rows", -1, &select, 0)) return 0;
  while (sqlite3_step(select) == SQLITE_ROW) {
    if (sqlite3_column_int64(select, 0) > 0 && sqlite3_column_text(select, 1) && sqlite3_column_bytes(select, 1) > 5) seen++;
    sum += sqlite3_column_double(select, 2);
  }
  sqlite3_finalize(select);
  sqlite3_finalize(insert);
  return sum > 0 ? seen : 0;
}

/* Says how many rows were seen. */
static int in_sql(sqlite3 *db) {
  sqlite3_stmt *select;
  const char *insert = "insert into rows with recursive ids (id) as "
                       "(select 1 union all select id + 1 from ids where id < " TEXT_OF(ROWS) ") "
                       "select id, 'name ' || id, id / 3.0 from ids";
  if (sqlite3_exec(db, insert, 0, 0, 0)) return 0;
  if (sqlite3_prepare_v2(db, "select count(*) from rows where length(name) > 5 and size > 0", -1, &select, 0)) return 0;
  int seen = sqlite3_step(select) == SQLITE_ROW ? sqlite3_column_int(select, 0) : 0;
  sqlite3_finalize(select);
  return seen;
}

int main(int count, char **arguments) {
  sqlite3 *db;
  if (count != 3 || sqlite3_open(arguments[1], &db)) return 1;
  if (sqlite3_exec(db, "pragma journal_mode = wal", 0, 0, 0)) return 1;
  double start = now_ms();
  if (sqlite3_exec(db, "begin; create table rows (id integer primary key, name text, size real)", 0, 0, 0)) return 1;
  int seen = strcmp(arguments[2], "sql") ? one_by_one(db) : in_sql(db);
  if (sqlite3_exec(db, "commit", 0, 0, 0) || seen != ROWS) return 1;
  printf("%.3f\n", now_ms() - start);
  return 0;
}

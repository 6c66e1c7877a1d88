//! Builds SQLite from the source that `libsqlite3-sys` carries.
//!
//! Every symbol gets a prefix, so that this copy stands beside the one of `rusqlite` in one program. A few lines are put
//! in: counters of the rows that a statement reads and writes (Workers show them), and the new name of a table that is
//! renamed, for the authorizer.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// A line to put in: behind `after` come `at`, and `text` goes in front of it or behind it.
struct Insertion {
    after: &'static str,
    at: &'static str,
    text: &'static str,
    behind: bool,
}

const fn before(after: &'static str, at: &'static str, text: &'static str) -> Insertion {
    Insertion {
        after,
        at,
        text,
        behind: false,
    }
}

const fn behind(after: &'static str, at: &'static str, text: &'static str) -> Insertion {
    Insertion {
        after,
        at,
        text,
        behind: true,
    }
}

const READ: &str = "\n  p->aRows[0]++;\n";
const WRITTEN: &str = "\n  if( !pC->isEphemeral ) p->aRows[1]++;\n";

/// What is counted is what Workers count: b-tree and virtual-table rows that a cursor comes to or that are stored.
/// In the order of the source.
const INSERTIONS: &[Insertion] = &[
    behind(
        "struct Vdbe {",
        "u32 aCounter[9];",
        "\n  u32 aRows[2]; /* rows read, rows written */\n",
    ),
    behind(
        "case OP_Count: {",
        "rc = sqlite3BtreeCount(db, pCrsr, &nEntry);",
        "\n    p->aRows[0] += nEntry;\n",
    ),
    before(
        "case OP_SeekGT: {",
        "#ifdef SQLITE_TEST\n  sqlite3_search_count++;",
        READ,
    ),
    behind("case OP_NotExists:", "pC->seekResult = res;", READ),
    before(
        "case OP_Insert: {",
        "if( pOp->p5 & OPFLAG_NCHANGE ){",
        WRITTEN,
    ),
    behind(
        "case OP_Delete: {",
        "if( opflags & OPFLAG_NCHANGE ){",
        WRITTEN,
    ),
    before("case OP_Last: {", "if( pOp->p2>0 ){", READ),
    before("case OP_Rewind: {", "if( pOp->p2>0 ){", READ),
    behind("case OP_Next:", "p->aCounter[pOp->p5]++;", READ),
    behind(
        "case OP_IdxInsert: {",
        "if( pOp->p5 & OPFLAG_NCHANGE ) p->nChange++;",
        WRITTEN,
    ),
    behind(
        "case OP_Clear: {",
        "p->nChange += nChange;",
        "\n    p->aRows[1] += nChange;\n",
    ),
    behind(
        "rc = pModule->xNext(pCur->uc.pVCur);",
        "if( rc ) goto abort_due_to_error;",
        READ,
    ),
    behind(
        "case OP_VUpdate: {",
        "p->errorAction = ((pOp->p5==OE_Replace) ? OE_Abort : pOp->p5);\n      }\n    }else{",
        "\n  p->aRows[1]++;\n",
    ),
    behind(
        "sqlite3AlterRenameTable(\n",
        "SQLITE_ALTER_TABLE, zDb, pTab->zName,",
        " zName ? zName :",
    ),
];

/// What reads the counters.
const ACCESS: &str = "
SQLITE_API unsigned int sqlite3_rows(sqlite3_stmt *pStmt, int written){
  return ((Vdbe*)pStmt)->aRows[written!=0];
}
SQLITE_API void sqlite3_reset_rows(sqlite3_stmt *pStmt){
  ((Vdbe*)pStmt)->aRows[0] = ((Vdbe*)pStmt)->aRows[1] = 0;
}
";

/// Options, and why they differ from the defaults where that is not plain.
const OPTIONS: &[(&str, &str)] = &[
    // Workers' own.
    ("SQLITE_MAX_ALLOCATION_SIZE", "16777216"),
    ("SQLITE_PRINTF_PRECISION_LIMIT", "100000"),
    ("SQLITE_ENABLE_FTS5", "1"),
    ("SQLITE_ENABLE_RTREE", "1"),
    ("SQLITE_ENABLE_MATH_FUNCTIONS", "1"),
    ("SQLITE_DEFAULT_FOREIGN_KEYS", "1"),
    ("SQLITE_OMIT_SHARED_CACHE", "1"),
    // Isolates of one process each use their own connections; only tests have more than one thread.
    ("SQLITE_THREADSAFE", "2"),
    ("SQLITE_DEFAULT_MEMSTATUS", "0"),
    // Everything but the database stays in memory: the process cannot open files.
    ("SQLITE_TEMP_STORE", "3"),
    ("SQLITE_MAX_MMAP_SIZE", "0"),
    ("SQLITE_OMIT_LOAD_EXTENSION", "1"),
    ("SQLITE_OMIT_AUTOINIT", "1"),
    ("SQLITE_OMIT_DEPRECATED", "1"),
    ("SQLITE_OMIT_WAL", "1"),
    ("SQLITE_OMIT_DESERIALIZE", "1"),
    // An object's database has one user, and durability is the host's.
    ("SQLITE_DEFAULT_LOCKING_MODE", "1"),
    ("SQLITE_DEFAULT_SYNCHRONOUS", "0"),
    ("SQLITE_DEFAULT_CACHE_SIZE", "-2000"),
    // Many small databases share a process: pages are allocated one by one.
    ("SQLITE_DEFAULT_PCACHE_INITSZ", "0"),
    ("SQLITE_TRUSTED_SCHEMA", "0"),
    ("HAVE_USLEEP", "1"),
    ("HAVE_ISNAN", "1"),
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var_os("DEP_SQLITE3_INCLUDE").map(PathBuf::from);
    let folder = folder.expect("libsqlite3-sys says where its source is");
    let mut source = fs::read_to_string(folder.join("sqlite3.c"))?;
    for insertion in INSERTIONS {
        source = insert(source, insertion);
    }
    source.push_str(ACCESS);
    let source = source.replace("sqlite3_", "atoll_sqlite3_");
    let target = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("sqlite.c");
    fs::write(&target, source)?;
    let mut build = cc::Build::new();
    build.file(&target).warnings(false);
    for (name, value) in OPTIONS {
        build.define(name, *value);
    }
    build.compile("atoll_sqlite");
    Ok(())
}

fn insert(mut source: String, insertion: &Insertion) -> String {
    let after = source
        .find(insertion.after)
        .unwrap_or_else(|| panic!("SQLite's source has no {:?}", insertion.after));
    let at = source[after..]
        .find(insertion.at)
        .unwrap_or_else(|| panic!("no {:?} behind {:?}", insertion.at, insertion.after));
    let place = after
        + at
        + if insertion.behind {
            insertion.at.len()
        } else {
            0
        };
    source.insert_str(place, insertion.text);
    source
}

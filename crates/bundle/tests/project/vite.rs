//! What plugins for Vite add.

use crate::support::{Folder, build, run_in_node};

const PACKAGE: (&str, &str) = (
    "node_modules/@cloudflare/codemode/index.js",
    "export class CodemodeRuntime {}",
);
const CONFIGURATION: &str = "import codemode from '@cloudflare/codemode/vite';\n\
                             export default { plugins: [codemode()] as unknown[] };";
/// Tells what it exports.
const WORKER: &str =
    "import * as own from './index'; console.log(Object.keys(own).join()); export default {};";

#[test]
fn an_entry_module_exports_the_runtime_of_code_mode_where_the_plugin_would_add_it() {
    let folder = Folder::worker("src/index.ts", &[PACKAGE, ("src/index.ts", WORKER)]);
    let mut builder = folder.builder().unwrap();
    let mut exported = || {
        let built = build(&mut builder).unwrap_or_else(|error| panic!("{error}"));
        run_in_node(&built)
    };
    let Some(without) = exported() else {
        return;
    };
    assert_eq!(without.trim(), "default");
    folder.write("vite.config.ts", CONFIGURATION);
    assert_eq!(exported().unwrap().trim(), "CodemodeRuntime,default");
    let own = format!("{WORKER} export {{ CodemodeRuntime }} from '@cloudflare/codemode';");
    folder.write("src/index.ts", &own);
    assert_eq!(exported().unwrap().trim(), "CodemodeRuntime,default");
    folder.write("src/index.ts", WORKER);
    folder.write("vite.config.ts", "// '@cloudflare/codemode/vite'");
    assert_eq!(exported().unwrap().trim(), "default");
}

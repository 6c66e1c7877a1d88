//! Builds the project in a folder, writes its modules into another, and says how long it took,
//! cold and again: `cargo run --release -p bundle --example bundle -- PROJECT OUTPUT [BUILDS]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

use std::path::{Path, PathBuf};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a project's folder")?);
    let output = PathBuf::from(arguments.next().ok_or("name a folder to write to")?);
    let builds: usize = arguments.next().map_or(Ok(1), |count| count.parse())?;
    let options = bundle::config::Options {
        folder,
        ..Default::default()
    };
    let loaded = bundle::config::load(&options)?;
    for warning in &loaded.warnings {
        eprintln!("{warning}");
    }
    let mut builder = bundle::Builder::new(loaded.project, bundle::Mode::Development);
    for build in 1..=builds {
        let built = builder.build().await?;
        if build == 1 {
            for warning in &built.warnings {
                eprintln!("{warning}");
            }
            for module in &built.program.modules {
                write(&output.join(&module.name), &module.content)?;
            }
        }
        println!("build {build}: {:?}", built.timing);
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)
}

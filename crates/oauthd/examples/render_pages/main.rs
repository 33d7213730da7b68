//! Writes every page into a directory, with everyday and with hostile values, to be looked at in a browser:
//! `cargo run -p oauthd --example render_pages -- DIR`

mod samples;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(dir) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "name the directory to write the pages into",
        ));
    };
    fs::create_dir_all(&dir)?;
    let pages = [
        samples::everyday(),
        samples::with_hostile_values(&samples::hostile_name()),
    ]
    .concat();
    for (name, page) in &pages {
        fs::write(dir.join(format!("{name}.html")), page.html())?;
    }
    println!("{} pages in {}", pages.len(), dir.display());
    Ok(())
}

//! Which files are opened, and what is said of the others.

use std::fs;
use std::path::Path;
use std::time::Duration;

use oauth_testkit::block_on;
use rusqlite::Connection;
use store_sqlite::{Durability, SqliteStore};

use crate::sample::{beside, inserted, place, row, state};

fn refusal(path: impl AsRef<Path>) -> String {
    match block_on(SqliteStore::open(path)) {
        Ok(store) => panic!("{store:?} should not open"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::options(&path)
            .durability(Durability::Normal)
            .open()
            .await
            .unwrap();
        inserted(&store, &row("a")).await;
        drop(store);
        assert!(!beside(&path, "-wal").exists(), "the log was not moved into the file");
        let store = SqliteStore::options(&path).must_exist().open().await.unwrap();
        assert!(state(&store, &row("a")).await.is_some());
    });
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_kept_as_it_is() {
    let (_directory, path) = place();
    drop(block_on(SqliteStore::open(&path)).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    raw.execute_batch("CREATE TABLE from_the_future (x)").unwrap();
    drop(raw);
    let before = fs::read(&path).unwrap();
    let said = refusal(&path);
    assert!(
        said.contains("was written by a newer version: its schema is 99"),
        "{said}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept_as_it_is() {
    let (_directory, path) = place();
    let text = "Dear diary, ".repeat(1000);
    fs::write(&path, &text).unwrap();
    let said = refusal(&path);
    assert!(said.contains("is not a SQLite database"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_refused_and_kept_as_it_is() {
    let (_directory, path) = place();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("CREATE TABLE bookmarks (url); PRAGMA application_id = 252006")
        .unwrap();
    drop(raw);
    let before = fs::read(&path).unwrap();
    let said = refusal(&path);
    assert!(said.contains("is a SQLite database of another program"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_empty_file_is_taken_for_a_new_one() {
    let (_directory, path) = place();
    fs::write(&path, "").unwrap();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        inserted(&store, &row("a")).await;
    });
}

#[test]
fn a_path_that_names_no_file_is_refused() {
    let (directory, path) = place();
    for name in ["", ":memory:"] {
        let said = refusal(name);
        assert!(said.contains("names no file"), "{said}");
    }
    let said = refusal(directory.path());
    assert!(said.contains("is a directory"), "{said}");
    let said = refusal(path.join("oauth.db"));
    assert!(said.contains("cannot be created"), "{said}");
}

#[test]
fn a_name_is_never_read_as_a_uri() {
    let (directory, _) = place();
    let path = directory.path().join("file:oauth.db?mode=memory");
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        inserted(&store, &row("a")).await;
        assert_eq!(store.path(), path);
    });
    assert!(path.exists());
}

#[test]
fn a_file_that_must_exist_is_not_created() {
    let (_directory, path) = place();
    let said = block_on(SqliteStore::options(&path).must_exist().open()).unwrap_err();
    assert!(said.to_string().ends_with("oauth.db does not exist"), "{said}");
    assert!(!path.exists());
}

#[test]
fn a_file_that_another_process_has_for_itself_is_refused_until_it_lets_go() {
    let (_directory, path) = place();
    drop(block_on(SqliteStore::open(&path)).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let options = SqliteStore::options(&path).busy_timeout(Duration::from_millis(1));
    let said = block_on(options.clone().open()).unwrap_err().to_string();
    assert!(
        said.contains("is locked by another process and stayed so for 1ms"),
        "{said}"
    );
    drop(raw);
    block_on(options.open()).unwrap();
}

#[test]
fn many_can_open_a_new_file_at_once() {
    for _ in 0..5 {
        let (_directory, path) = place();
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..8)
                .map(|n| {
                    let path = &path;
                    scope.spawn(move || {
                        block_on(async {
                            let store = SqliteStore::open(path).await.unwrap();
                            inserted(&store, &row(&n.to_string())).await;
                        });
                    })
                })
                .collect();
            for one in opened {
                one.join().unwrap();
            }
        });
        block_on(async {
            let store = SqliteStore::open(&path).await.unwrap();
            for n in 0..8 {
                assert!(state(&store, &row(&n.to_string())).await.is_some());
            }
        });
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        inserted(&store, &row("a")).await;
        for suffix in ["", "-wal", "-shm"] {
            let mode = fs::metadata(beside(&path, suffix)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{suffix}");
        }
    });
}

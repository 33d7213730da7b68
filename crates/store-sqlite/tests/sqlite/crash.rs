//! Processes that end in the middle, and processes that may not write.
//!
//! Each test starts itself again as the process that is killed or held back, and is told so by its environment.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use oauth_core::{Change, CommitError, CredentialStore, State};
use oauth_testkit::block_on;
use store_sqlite::SqliteStore;

use crate::sample::{heavy, insert, inserted, place, row, state};

/// Tells a test that it is the other process, and where its file is.
const CHILD: &str = "STORE_SQLITE_TEST_CHILD";

/// Where the file is, in the other process.
fn child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// The test of that name, as another process on that file.
fn again(program: impl AsRef<std::ffi::OsStr>, test: &str, path: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped());
    command
}

const COMMITTERS: usize = 8;

#[test]
fn what_was_answered_survives_a_kill() {
    if let Some(path) = child() {
        redeem_until_killed(&path);
    }
    let (_directory, path) = place();
    let test = "crash::what_was_answered_survives_a_kill";
    // Uneven steps through the commits of a round, so that each kill meets the writer somewhere else.
    for round in 0..20usize {
        let lines = 40 + (round * 37) % 101;
        let mut process = again(std::env::current_exe().unwrap(), test, &path)
            .env("ROUND", round.to_string())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut answered = Vec::new();
        while answered.len() < lines {
            answered.extend(answer(&output.next().unwrap().unwrap()));
        }
        process.kill().unwrap();
        // What was answered between the last line and the kill is in the pipe; the kill may have cut the last line.
        answered.extend(output.map_while(Result::ok).filter_map(|line| answer(&line)));
        process.wait().unwrap();
        block_on(check(&path, round, &answered));
    }
}

/// `redeemed COMMITTER NUMBER.`: the full stop shows that the line is whole.
fn answer(line: &str) -> Option<(usize, usize)> {
    let mut words = line.strip_prefix("redeemed ")?.strip_suffix('.')?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn name(what: &str, round: usize, committer: usize, number: usize) -> String {
    format!("{what} {round} {committer} {number}")
}

/// Redeems codes, several at a time, and says so after each.
fn redeem_until_killed(path: &Path) -> ! {
    let round: usize = std::env::var("ROUND").unwrap().parse().unwrap();
    let store = block_on(SqliteStore::open(path)).unwrap();
    let committer = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..COMMITTERS {
            scope.spawn(|| {
                let committer = committer.fetch_add(1, Ordering::SeqCst);
                for number in 0.. {
                    let named = |what: &str| row(&name(what, round, committer, number));
                    block_on(async {
                        inserted(&store, &named("code")).await;
                        let mut changes = vec![Change::Spend(named("code").key)];
                        changes.extend(insert(&named("access")));
                        changes.extend(insert(&named("refresh")));
                        store.commit(&changes).await.unwrap();
                    });
                    let mut output = std::io::stdout().lock();
                    writeln!(output, "redeemed {committer} {number}.").unwrap();
                    output.flush().unwrap();
                }
            });
        }
    });
    unreachable!("this process is killed")
}

async fn check(path: &Path, round: usize, answered: &[(usize, usize)]) {
    let store = SqliteStore::open(path).await.unwrap();
    for committer in 0..COMMITTERS {
        let count = answered.iter().filter(|(one, _)| *one == committer).count();
        // One more than was answered may have been made, and must be whole as well.
        for number in 0..count + 2 {
            let found = async |what: &str| state(&store, &row(&name(what, round, committer, number))).await;
            let all = (found("code").await, found("access").await, found("refresh").await);
            let redeemed = (Some(State::Spent), Some(State::Live), Some(State::Live));
            if number < count {
                assert_eq!(all, redeemed, "answered, and lost by a kill");
            } else {
                let halves = [redeemed, (Some(State::Live), None, None), (None, None, None)];
                assert!(halves.contains(&all), "half done by a kill: {all:?}");
            }
        }
    }
}

/// A limit on the size of files stands in for a disk that stops writing.
#[test]
fn a_disk_that_stops_writing_loses_nothing_that_was_answered() {
    if let Some(path) = child() {
        insert_until_it_fails(&path);
        return;
    }
    let (_directory, path) = place();
    drop(block_on(SqliteStore::open(&path)).unwrap());
    let test = "crash::a_disk_that_stops_writing_loses_nothing_that_was_answered";
    let inner = again(std::env::current_exe().unwrap(), test, &path);
    // 512-byte blocks in some shells and 1024 in others, which does not matter here.
    let script = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env(CHILD, &path)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let kept: usize = output
        .lines()
        .find_map(|line| line.strip_prefix("kept "))
        .unwrap_or_else(|| panic!("{output}"))
        .parse()
        .unwrap();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        for n in 0..kept {
            let one = heavy(&n.to_string(), 20_000);
            assert_eq!(store.find(&one.key).await.unwrap(), Some(one));
        }
        assert_eq!(state(&store, &row(&kept.to_string())).await, None);
        inserted(&store, &heavy(&kept.to_string(), 20_000)).await;
    });
}

fn insert_until_it_fails(path: &Path) {
    block_on(async {
        let store = SqliteStore::open(path).await.unwrap();
        for n in 0.. {
            match store.commit(&insert(&heavy(&n.to_string(), 20_000))).await {
                Ok(()) => assert!(n < 1_000, "the limit was not reached"),
                Err(CommitError::Store(error)) => {
                    let said = error.to_string();
                    assert!(
                        said.contains("reading or writing") || said.contains("cannot grow"),
                        "{said}"
                    );
                    assert!(state(&store, &row("0")).await.is_some(), "reading ends with writing");
                    println!("\nkept {n}");
                    return;
                }
                Err(CommitError::Conflict) => panic!("a failure was said to be a conflict"),
            }
        }
    });
}

/// For the superuser no file is read-only, so the test goes on as nobody if need be.
#[test]
fn what_may_not_be_written_is_refused() {
    if let Some(path) = child() {
        let said = block_on(SqliteStore::open(&path)).unwrap_err();
        println!("\nsaid {said}");
        return;
    }
    let (directory, path) = place();
    drop(block_on(SqliteStore::open(&path)).unwrap());
    let program = directory.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let refusal = |path: &Path| {
        let mut command = again(&program, "crash::what_may_not_be_written_is_refused", path);
        if fs::metadata(directory.path()).unwrap().uid() == 0 {
            command.uid(65534).gid(65534);
        }
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let said = output.lines().find_map(|line| line.strip_prefix("said "));
        said.unwrap_or_else(|| panic!("{output}")).to_owned()
    };
    let allow = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();

    allow(&path, 0o444);
    allow(directory.path(), 0o777);
    let said = refusal(&path);
    assert!(said.ends_with("oauth.db is read-only"), "{said}");
    allow(&path, 0o000);
    let said = refusal(&path);
    assert!(said.contains("cannot be opened"), "{said}");
    allow(&path, 0o666);
    allow(directory.path(), 0o555);
    let said = refusal(&path);
    assert!(
        said.contains("is read-only") || said.contains("cannot be opened"),
        "{said}"
    );
    let said = refusal(&directory.path().join("new.db"));
    assert!(said.contains("cannot be created"), "{said}");

    allow(directory.path(), 0o700);
    allow(&path, 0o600);
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        inserted(&store, &row("a")).await;
    });
}

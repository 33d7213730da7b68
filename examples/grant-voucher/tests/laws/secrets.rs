//! No voucher and no token reaches a store.

use std::fmt::Write as _;
use std::fs;

use oauth_server::{Change, Documents, Model};
use oauth_testkit::Lab;
use oauth_testkit::lab::{APP, STRANGER};

use crate::{BOX_OFFICE, Make, above_every_store, lab, redeeming, sqlite, voucher};

above_every_store! {
    no_secret_reaches_the_store,
}

/// Vouchers used, used again, tried by a stranger and left alone; all secrets that came up.
fn secrets<S: Model + Documents + Clone>(lab: &Lab<S>) -> [String; 4] {
    let (used, unused) = (voucher(lab), voucher(lab));
    let tokens = lab.send(&redeeming(&APP, &used)).granted();
    lab.send(&redeeming(&APP, &used)).refused(400, "invalid_grant");
    lab.send(&redeeming(&STRANGER, &unused)).refused(400, "invalid_grant");
    [used, unused, tokens.access, BOX_OFFICE.secret.to_owned()]
}

fn no_secret_reaches_the_store<S: Model + Documents, G>(make: Make<'_, S, G>) {
    let (store, _guard) = make();
    let lab = lab(store);
    let secrets = secrets(&lab);
    let commits = lab.store.commits();
    assert_eq!(
        commits.len(),
        3,
        "two vouchers, and one token together with what it cost"
    );
    let mut given = String::new();
    for change in commits.into_iter().flatten() {
        write!(given, "{change:?}").unwrap();
        if let Change::Insert(row) = change {
            given.push_str(row.data.as_str());
        }
    }
    assert!(given.contains("example:voucher") && given.contains(r#"["A1","A2"]"#));
    for secret in &secrets {
        assert!(!given.contains(secret));
    }
}

#[test]
fn a_stolen_disk_holds_no_voucher() {
    let (store, directory) = sqlite();
    let secrets = secrets(&lab(store));
    let mut kept = Vec::new();
    for file in fs::read_dir(directory.path()).unwrap() {
        kept.extend(fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |text: &str| kept.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("example:voucher"), "the rows are on disk");
    for secret in &secrets {
        assert!(!holds(secret));
    }
}

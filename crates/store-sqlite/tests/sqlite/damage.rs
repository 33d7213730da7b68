//! Rows and pages that something else has changed.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};

use oauth_core::{CredentialIndex, CredentialStore, Documents, Filter};
use oauth_testkit::block_on;
use rusqlite::Connection;
use store_sqlite::SqliteStore;

use crate::sample::{heavy, insert, inserted, message, place, row, state};

#[test]
fn a_row_that_cannot_be_read_is_named_by_its_column_and_quoted_nowhere() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        let (bad, good) = (row("bad"), row("good"));
        inserted(&store, &bad).await;
        inserted(&store, &good).await;
        let raw = Connection::open(&path).unwrap();
        let damages = [
            ("authorization", "x'736563726574'"),
            ("scope", "'secret\"'"),
            ("state", "7"),
            ("expires_at", "-1"),
            ("client", "CAST(x'736563726574ff' AS TEXT)"),
            ("subject", "CAST(x'736563726574ff' AS TEXT)"),
            ("data", "CAST(x'736563726574ff' AS TEXT)"),
        ];
        for (column, value) in damages {
            raw.execute_batch("SAVEPOINT before").unwrap();
            let sql = format!("UPDATE credentials SET {column} = {value} WHERE digest = ?1");
            assert_eq!(raw.execute(&sql, [bad.key.digest()]).unwrap(), 1);
            raw.execute_batch("RELEASE before").unwrap();
            let said = store.find(&bad.key).await.unwrap_err().to_string();
            let expected = format!("holds a row of credentials whose {column} cannot be read");
            assert!(said.contains(&expected), "{said}");
            assert!(!said.contains("secret"), "{said}");
            assert!(state(&store, &good).await.is_some());

            raw.execute("DELETE FROM credentials WHERE digest = ?1", [bad.key.digest()])
                .unwrap();
            inserted(&store, &bad).await;
            assert_eq!(store.find(&bad.key).await.unwrap().as_ref(), Some(&bad));
        }
        raw.execute(
            "UPDATE credentials SET digest = x'00' WHERE digest = ?1",
            [bad.key.digest()],
        )
        .unwrap();
        let filter = Filter::Client("client".into());
        let said = CredentialIndex::select(&store, &filter, None, 10)
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains("whose digest cannot be read"), "{said}");

        raw.execute(
            "INSERT INTO documents VALUES ('things', 'a', 1, CAST(x'ff' AS TEXT))",
            [],
        )
        .unwrap();
        let said = store.read("things", "a").await.unwrap_err().to_string();
        assert!(
            said.contains("holds a row of documents whose body cannot be read"),
            "{said}"
        );
    });
}

#[test]
fn a_damaged_page_is_an_error_and_never_an_answer() {
    let (_directory, path) = place();
    block_on(async {
        let store = SqliteStore::open(&path).await.unwrap();
        for n in 0..200 {
            inserted(&store, &heavy(&n.to_string(), 1_000)).await;
        }
        store.close().await.unwrap();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        // The first page, with the schema, stays; the rest is wiped.
        let length = file.seek(SeekFrom::End(0)).unwrap();
        file.seek(SeekFrom::Start(4096)).unwrap();
        file.write_all(&vec![0xff; usize::try_from(length).unwrap() - 4096])
            .unwrap();
        drop(file);

        let store = SqliteStore::open(&path).await.unwrap();
        let said = store.find(&row("0").key).await.unwrap_err().to_string();
        assert!(
            said.contains("is damaged and has to be restored from a backup"),
            "{said}"
        );
        let said = message(store.commit(&insert(&row("new"))).await);
        assert!(
            said.contains("is damaged and has to be restored from a backup"),
            "{said}"
        );
    });
}

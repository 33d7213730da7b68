//! What [`Documents`] keep.

use std::sync::Arc;

use oauth_core::{CommitError, Document, Documents, Json};
use serde_json::json;

use crate::conformance::{Broken, Verdict};
use crate::polling::{cancelled_after, interleaved, racing, yield_once};

/// Documents as the laws take them.
pub type Erased = Arc<dyn Documents>;

/// Those documents as the laws take them.
pub fn erased<S: Documents + 'static>(documents: Arc<S>) -> Erased {
    documents
}

crate::__suite! { documents table [Erased] }

#[derive(Clone)]
struct Trial {
    law: &'static str,
    documents: Erased,
}

impl Trial {
    fn of(law: &'static str, documents: &Erased) -> Self {
        let documents = Arc::clone(documents);
        Self { law, documents }
    }

    fn broken(&self, what: impl Into<String>) -> Broken {
        Broken::new(self.law, what)
    }

    /// Whether it was written; a failing store is a broken law.
    async fn writes(&self, collection: &str, document: &Document) -> Result<bool, Broken> {
        match self.documents.write(collection, document).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Store(error)) => Err(self.broken(format!("writing {:?} failed: {error}", document.id))),
        }
    }

    async fn accepts(&self, what: &str, collection: &str, document: &Document) -> Verdict {
        if self.writes(collection, document).await? {
            return Ok(());
        }
        Err(self.broken(format!("{what} was refused as a conflict, and should not be")))
    }

    async fn refuses(&self, what: &str, collection: &str, document: &Document) -> Verdict {
        if self.writes(collection, document).await? {
            return Err(self.broken(format!("{what} was accepted, and should be a conflict")));
        }
        Ok(())
    }

    async fn reads(&self, what: &str, collection: &str, id: &str, expected: Option<&Document>) -> Verdict {
        let read = self.documents.read(collection, id).await;
        let read = read.map_err(|error| self.broken(format!("{what}: reading {id:?} failed: {error}")))?;
        if read.as_ref() == expected {
            return Ok(());
        }
        Err(self.broken(format!("{what}: {id:?} is {read:?} and should be {expected:?}")))
    }

    async fn list(&self, collection: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document>, Broken> {
        let listed = self.documents.list(collection, after, limit).await;
        listed.map_err(|error| self.broken(format!("listing {collection:?} failed: {error}")))
    }

    async fn removes(&self, collection: &str, id: &str) -> Result<bool, Broken> {
        let removed = self.documents.remove(collection, id).await;
        removed.map_err(|error| self.broken(format!("removing {id:?} failed: {error}")))
    }
}

fn document(id: &str, revision: u64, body: &serde_json::Value) -> Document {
    Document {
        id: id.to_owned(),
        revision,
        body: Json::from_stored(body.to_string()),
    }
}

const NAMES: [&str; 16] = [
    "a",
    "B",
    "b",
    "A",
    "aa",
    "",
    " ",
    "a b",
    "Zoë",
    "zoe",
    "日本語",
    "🦀",
    "x/y?z#%25",
    "'\"\\;--",
    "a\nb",
    "\u{ffff}",
];

/// A document is read as it was written, at revision 1, whatever its name and its text.
pub async fn a_document_is_read_as_written(documents: &Erased) -> Verdict {
    let trial = Trial::of("a_document_is_read_as_written", documents);
    let bodies = [
        json!({}),
        json!({ "text": "Zoë 🦀 \u{0} ' \" \\ \n", "n": [1, -1, 0.1, u64::MAX, null] }),
        json!({ "big": "é日🦀x".repeat(6_500) }),
    ];
    let body = |n: usize| &bodies[n % bodies.len()];
    let long = "long ".repeat(40);
    let names = || NAMES.into_iter().chain([long.as_str()]).enumerate();
    for (n, name) in names() {
        trial.reads("before it was written", "things", name, None).await?;
        let what = format!("writing {name:?} for the first time");
        trial.accepts(&what, "things", &document(name, 0, body(n))).await?;
    }
    for (n, name) in names() {
        let expected = document(name, 1, body(n));
        trial
            .reads("after it was written", "things", name, Some(&expected))
            .await?;
    }
    Ok(())
}

/// A write replaces exactly the revision that was read, and counts it up by one.
pub async fn a_write_needs_the_revision_it_read(documents: &Erased) -> Verdict {
    let trial = Trial::of("a_write_needs_the_revision_it_read", documents);
    let at = |revision: u64, text: &str| document("d", revision, &json!(text));
    trial
        .refuses("writing a revision of what was never written", "things", &at(1, "x"))
        .await?;
    trial.reads("what was refused", "things", "d", None).await?;
    trial
        .accepts("writing for the first time", "things", &at(0, "one"))
        .await?;
    trial
        .refuses("writing for the first time again", "things", &at(0, "x"))
        .await?;
    trial
        .refuses("writing a revision to come", "things", &at(2, "x"))
        .await?;
    trial
        .accepts("writing the revision that was read", "things", &at(1, "two"))
        .await?;
    trial
        .refuses("writing a revision that is over", "things", &at(1, "x"))
        .await?;
    trial
        .accepts("writing the revision that was read", "things", &at(2, "three"))
        .await?;
    let expected = at(3, "three");
    trial.reads("after three writes", "things", "d", Some(&expected)).await
}

/// Of many that write the same revision, one wins.
pub async fn one_of_many_writers_wins(documents: &Erased) -> Verdict {
    const WRITERS: usize = 16;
    let trial = Trial::of("one_of_many_writers_wins", documents);
    for round in 0..12u64 {
        // The first round races for a document that is not there yet, the others for a revision of it.
        let attempts = (0..WRITERS).map(|n| {
            let document = document("d", round, &json!(n));
            let trial = trial.clone();
            async move { trial.writes("things", &document).await }
        });
        let outcomes = if round % 2 == 0 {
            racing(attempts).await
        } else {
            interleaved(attempts).await
        };
        let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        let winners: Vec<usize> = (0..WRITERS).filter(|n| outcomes[*n]).collect();
        if winners.len() != 1 {
            return Err(trial.broken(format!("{} of {WRITERS} wrote the same revision", winners.len())));
        }
        let expected = document("d", round + 1, &json!(winners[0]));
        trial.reads("after a race", "things", "d", Some(&expected)).await?;
    }
    Ok(())
}

/// The same name in another collection is another document.
pub async fn collections_are_namespaces(documents: &Erased) -> Verdict {
    let trial = Trial::of("collections_are_namespaces", documents);
    let collections = ["things", "Things", "thing", "things:", "größe"];
    for (n, collection) in collections.iter().enumerate() {
        trial.reads("before it was written", collection, "d", None).await?;
        let first = document("d", 0, &json!(n));
        trial.accepts("writing into a collection", collection, &first).await?;
    }
    trial
        .accepts("writing", "things", &document("d", 1, &json!("again")))
        .await?;
    // Names that run into each other when they are glued together without care.
    for (collection, name) in [("things", ":d"), ("thing", "sd"), ("thin", "gsd"), ("things:d", "")] {
        trial
            .reads("a name glued to its collection", collection, name, None)
            .await?;
    }
    for (n, collection) in collections.iter().enumerate() {
        let expected = match *collection {
            "things" => vec![document("d", 2, &json!("again"))],
            _ => vec![document("d", 1, &json!(n))],
        };
        let listed = trial.list(collection, None, 10).await?;
        if listed != expected {
            return Err(trial.broken(format!(
                "the collection {collection:?} has {listed:?} and should have {expected:?}"
            )));
        }
    }
    Ok(())
}

/// A document that was removed is gone, and its name is free.
pub async fn a_removed_document_is_gone(documents: &Erased) -> Verdict {
    let trial = Trial::of("a_removed_document_is_gone", documents);
    let there = async |expected: bool, what: &str| {
        let removed = trial.removes("things", "d").await?;
        if removed == expected {
            return Ok(());
        }
        Err(trial.broken(format!("removing {what} said {removed}, and should say {expected}")))
    };
    there(false, "what was never there").await?;
    trial.accepts("writing", "things", &document("d", 0, &json!(1))).await?;
    trial
        .accepts("writing", "things", &document("beside", 0, &json!(2)))
        .await?;
    trial
        .accepts("writing", "other things", &document("d", 0, &json!(5)))
        .await?;
    there(true, "what was there").await?;
    trial.reads("after it was removed", "things", "d", None).await?;
    there(false, "what was removed already").await?;
    trial
        .refuses(
            "writing a revision of what was removed",
            "things",
            &document("d", 1, &json!(3)),
        )
        .await?;
    trial
        .accepts("writing it anew", "things", &document("d", 0, &json!(4)))
        .await?;
    let anew = document("d", 1, &json!(4));
    trial
        .reads("after it was written anew", "things", "d", Some(&anew))
        .await?;
    let elsewhere = document("d", 1, &json!(5));
    trial
        .reads("in another collection", "other things", "d", Some(&elsewhere))
        .await?;
    let beside = document("beside", 1, &json!(2));
    trial
        .reads("beside what was removed", "things", "beside", Some(&beside))
        .await
}

/// Page after page, each document is seen once, in the byte order of their names.
pub async fn paging_visits_each_document_once(documents: &Erased) -> Verdict {
    let trial = Trial::of("paging_visits_each_document_once", documents);
    if !trial.list("things", None, 10).await?.is_empty() {
        return Err(trial.broken("a collection that nobody wrote to is not empty"));
    }
    for (n, name) in NAMES.into_iter().enumerate() {
        trial
            .accepts("writing", "things", &document(name, 0, &json!(n)))
            .await?;
        trial
            .accepts("writing", "other things", &document(name, 0, &json!(0)))
            .await?;
    }
    let mut expected: Vec<Document> = (0..)
        .zip(NAMES)
        .map(|(n, name): (usize, _)| document(name, 1, &json!(n)))
        .collect();
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    for limit in [1, 2, 3, 7, NAMES.len(), NAMES.len() + 1, usize::MAX] {
        let mut seen: Vec<Document> = Vec::new();
        for _ in 0..=NAMES.len() {
            let after = seen.last().map(|document| document.id.clone());
            let page = trial.list("things", after.as_deref(), limit).await?;
            if page.len() > limit {
                return Err(trial.broken(format!("a page of {limit} has {}", page.len())));
            }
            let last = page.len() < limit;
            seen.extend(page);
            if last {
                break;
            }
        }
        if seen != expected {
            let names: Vec<&str> = seen.iter().map(|document| document.id.as_str()).collect();
            return Err(trial.broken(format!("pages of {limit} showed {names:?}")));
        }
    }
    if !trial.list("things", None, 0).await?.is_empty() {
        return Err(trial.broken("a page of at most none has some"));
    }
    let after = trial.list("things", Some("aaa"), 1).await?;
    let next = expected.iter().find(|document| document.id.as_str() > "aaa");
    if after.first() != next {
        return Err(trial.broken(format!("after a name that is not there comes {after:?}")));
    }
    Ok(())
}

/// A write that is dropped in its middle is made as a whole, perhaps a little later, or not at all.
pub async fn a_dropped_write_is_all_or_nothing(documents: &Erased) -> Verdict {
    let trial = Trial::of("a_dropped_write_is_all_or_nothing", documents);
    for polls in 0..64 {
        let id = format!("dropped {polls}");
        let (old, new) = (json!("old".repeat(100)), json!("new".repeat(200)));
        trial.accepts("writing", "things", &document(&id, 0, &old)).await?;
        let write = document(&id, 1, &new);
        let outcome = cancelled_after(polls, trial.writes("things", &write))
            .await
            .transpose()?;
        trial
            .accepts(
                "a write after one was dropped",
                "things",
                &document(&format!("after {polls}"), 0, &old),
            )
            .await?;
        let mut seen = Vec::new();
        for _ in 0..10 {
            let listed = trial.list("things", None, usize::MAX).await?;
            seen.extend(listed.into_iter().filter(|document| document.id == id));
            yield_once().await;
        }
        let allowed = [document(&id, 1, &old), document(&id, 2, &new)];
        let returned = outcome.is_some();
        if seen.len() != 10
            || !seen
                .iter()
                .all(|one| *one == allowed[1] || (!returned && *one == allowed[0]))
        {
            return Err(trial.broken(format!("a write was dropped after {polls} polls, and left {seen:?}")));
        }
        if returned {
            return Ok(());
        }
    }
    Ok(())
}

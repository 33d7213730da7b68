//! How scopes are compared, end to end: exactly unless the application says otherwise.

use async_trait::async_trait;
use oauth_server::{
    Approval, AuthorizationCode, Builder, Client, Context, HierarchicScopes, MemoryStore, Policy, RefreshToken,
    Rejection, ScopeMatcher, WildcardScopes,
};
use oauth_testkit::http::{Answer, Call, Tokens};
use oauth_testkit::lab::{MACHINE, WEB, authorization, for_itself, redemption, refreshing, scope};
use oauth_testkit::{Lab, Watched, block_on};

use crate::{Store, knock, lab_with, sent_to};

/// A server that knows those scopes, and has two clients registered for these.
fn lab_of(known: &str, registered: &str, matched: impl FnOnce(Builder) -> Builder) -> Lab<Store> {
    let lab = lab_with(|builder| {
        matched(
            builder
                .scopes(scope(known))
                .default_scope(scope("mail"))
                .install(RefreshToken::rotating()),
        )
    });
    for who in [WEB, MACHINE] {
        lab.edit(&who, |client| client.scope = scope(registered));
    }
    lab
}

/// Tokens for what was asked, of a person who agrees to that.
fn tokens(lab: &Lab<Store>, asked: &str, agreed: &str) -> Tokens {
    let pending = lab.authorize(&authorization(&WEB).set("scope", asked)).unwrap();
    let location = sent_to(block_on(pending.approve("alice", scope(agreed))));
    lab.send(&redemption(&WEB, &location.param("code").unwrap())).granted()
}

#[track_caller]
fn may(lab: &Lab<Store>, token: &str, needed: &str) -> bool {
    let access = knock(&lab.server, &Call::get("/x").bearer(token)).unwrap();
    access.require(&scope(needed)).is_ok()
}

#[test]
fn scopes_are_compared_character_by_character_unless_the_application_says_otherwise() {
    let lab = lab_of("files mail mail.*", "files mail.*", |builder| builder);
    for asked in ["files.read", "mail.read", "FILES"] {
        lab.send(&for_itself(&MACHINE).with("scope", asked))
            .refused(400, "invalid_scope");
        lab.sent_back(&authorization(&WEB).set("scope", asked), "invalid_scope");
    }
    let token = lab.send(&for_itself(&MACHINE).with("scope", "files")).granted();
    assert!(may(&lab, &token.access, "files"));
    assert!(!may(&lab, &token.access, "files.read"));
}

fn hierarchic(builder: Builder) -> Builder {
    builder.scope_matcher(HierarchicScopes::separated_by('.'))
}

#[test]
fn who_is_registered_for_a_scope_may_ask_for_what_is_below_it() {
    let lab = lab_of("files mail", "files mail.read", hierarchic);
    let token = lab.send(&for_itself(&MACHINE).with("scope", "files.read")).granted();
    assert_eq!(token.scope, "files.read");
    assert!(may(&lab, &token.access, "files.read") && may(&lab, &token.access, "files.read.own"));
    assert!(!may(&lab, &token.access, "files") && !may(&lab, &token.access, "files.write"));
    for more in ["mail", "mail.write", "filesystem", "files.read mail", "files."] {
        lab.send(&for_itself(&MACHINE).with("scope", more))
            .refused(400, "invalid_scope");
        lab.sent_back(&authorization(&WEB).set("scope", more), "invalid_scope");
    }
    // The default is `mail`; of that, this client may have `mail.read`.
    assert_eq!(lab.send(&for_itself(&MACHINE)).granted().scope, "mail.read");
}

#[test]
fn the_scope_that_was_granted_is_told_when_it_differs() {
    let lab = lab_of("files mail", "files mail", hierarchic);
    // Asked for everything below `files`, the person gives a part of it.
    let granted = tokens(&lab, "files mail", "files.read");
    assert_eq!(granted.scope, "files.read");
    assert_eq!(lab.introspect(&granted.access)["scope"], "files.read");
    // Asked for a part, and given all: a part.
    assert_eq!(tokens(&lab, "files.read", "files mail").scope, "files.read");
    // A challenge names what would do.
    let access = knock(&lab.server, &Call::get("/x").bearer(&granted.access)).unwrap();
    let answer = Answer::of(access.require(&scope("files.write")).unwrap_err().into_response());
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .ends_with("scope=\"files.write\"")
    );
}

#[test]
fn a_scope_keeps_its_words_when_the_server_knows_what_is_below_it() {
    let lab = lab_of("files files.read files.write mail", "files", hierarchic);
    let granted = tokens(&lab, "files", "files");
    assert_eq!(granted.scope, "files");
    assert_eq!(lab.refresh(&WEB, granted.refresh()).granted().scope, "files");
    assert_eq!(tokens(&lab, "files.write", "files").scope, "files.write");
}

#[test]
fn narrowing_at_a_refresh_follows_the_same_comparison() {
    let lab = lab_of("files mail", "files mail", hierarchic);
    let first = tokens(&lab, "files", "files");
    let ask = |token: &str, asked: &str| lab.send(&refreshing(&WEB, token).with("scope", asked));
    ask(first.refresh(), "mail").refused(400, "invalid_scope");
    ask(first.refresh(), "files.read mail.read").refused(400, "invalid_scope");
    let narrow = ask(first.refresh(), "files.read").granted();
    assert_eq!(narrow.scope, "files.read");
    assert!(!may(&lab, &narrow.access, "files.write"));
    // And does not stick.
    let wide = lab.refresh(&WEB, narrow.refresh()).granted();
    assert_eq!(wide.scope, "files");
    assert!(may(&lab, &wide.access, "files.write"));
    // What the client loses meanwhile is lost.
    lab.edit(&WEB, |client| client.scope = scope("files.read"));
    assert_eq!(lab.refresh(&WEB, wide.refresh()).granted().scope, "files.read");
}

#[test]
fn a_wildcard_covers_what_is_in_its_place() {
    let lab = lab_of("files mail mail.*", "files mail.*", |builder| {
        builder.scope_matcher(WildcardScopes::separated_by('.'))
    });
    let granted = tokens(&lab, "mail.* files", "mail.*");
    assert_eq!(granted.scope, "mail.*");
    assert!(may(&lab, &granted.access, "mail.read") && may(&lab, &granted.access, "mail.read.own"));
    assert!(!may(&lab, &granted.access, "mail") && !may(&lab, &granted.access, "files.read"));
    let narrow = lab
        .send(&refreshing(&WEB, granted.refresh()).with("scope", "mail.read"))
        .granted();
    assert_eq!(narrow.scope, "mail.read");
    for more in ["mail", "*", "*.read", "files.*"] {
        lab.send(&for_itself(&MACHINE).with("scope", more))
            .refused(400, "invalid_scope");
    }
}

/// Verbs: who may write may read.
struct Verbs;

impl ScopeMatcher for Verbs {
    fn covers(&self, held: &str, asked: &str) -> bool {
        held == "write" && asked == "read"
    }
}

#[test]
fn an_application_compares_scopes_in_a_way_of_its_own() {
    let lab = Lab::over(Watched::new(MemoryStore::new()), |builder| {
        builder
            .scope_matcher(Verbs)
            .install(AuthorizationCode::new())
            .install(RefreshToken::rotating())
    });
    lab.edit(&WEB, |client| client.scope = scope("write"));
    let granted = tokens(&lab, "write", "write");
    assert!(may(&lab, &granted.access, "read write"));
    assert!(!may(&lab, &granted.access, "admin"));
    assert_eq!(tokens(&lab, "read", "read").scope, "read");
}

/// Nobody gives away more than reading.
struct Readers;

#[async_trait]
impl Policy for Readers {
    async fn review(&self, approval: Approval, _: &Client, cx: &Context<'_>) -> Result<Approval, Rejection> {
        assert!(cx.covers(&scope("files mail"), approval.granted()));
        Ok(approval.limited_to(&scope("files.read mail.read"), cx))
    }
}

#[test]
fn the_ceiling_of_a_policy_follows_the_same_comparison() {
    let lab = lab_of("files mail", "files mail", |builder| {
        hierarchic(builder).policy(Readers)
    });
    let granted = tokens(&lab, "files", "files");
    assert_eq!(granted.scope, "files.read");
    assert_eq!(lab.refresh(&WEB, granted.refresh()).granted().scope, "files.read");
    assert_eq!(tokens(&lab, "files.read.own", "files").scope, "files.read.own");
    lab.send(&for_itself(&MACHINE).with("scope", "files.write"))
        .refused(400, "invalid_scope");
}

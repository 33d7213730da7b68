use std::time::Duration;

use oauth_server::argon2::Cost;
use oauth_server::{
    ACCESS_TOKEN, AccessData, AuthorizationId, Claims, Client, ClientId, ClientStore, Credential, GrantType, Key, Kind,
    MemoryStore, REFRESH_TOKEN, RefreshData, Secret, Subject, SystemEntropy, Timestamp,
};
use oauth_testkit::ManualClock;
use serde_json::Map;

use super::*;
use crate::backend::Backend;
use crate::config::{ClientMetadata, Overrides, Purpose, Settings};
use crate::registry::Origin;
use crate::web::People as _;

const CONFIGURATION: &str = r#"
[scopes]
supported = ["read", "write"]
default = ["read"]

[[clients]]
client_id = "fixed"
client_name = "The file's"
redirect_uris = ["https://fixed.example/cb"]

[[users]]
username = "alice"
password = "as the file says"
"#;

/// Administration of an empty store behind that configuration.
fn office() -> (Admin, ManualClock) {
    let settings = Settings::parse("oauthd.toml", CONFIGURATION, &Overrides::default(), Purpose::Administer).unwrap();
    let backend: Arc<dyn Backend> = Arc::new(MemoryStore::new());
    let clock = ManualClock::default();
    let argon2 = Argon2::with(Cost {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    })
    .unwrap();
    let clients = settings.clients.iter().map(|configured| configured.client.clone());
    let users = Users::new(&settings.users, Arc::clone(&backend), argon2.clone(), &clock).unwrap();
    let admin = Admin {
        registry: Registry::new(clients, backend),
        users,
        vocabulary: settings.vocabulary(),
        argon2,
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SystemEntropy),
    };
    (admin, clock)
}

fn web(id: &str) -> NewClient {
    NewClient {
        metadata: ClientMetadata {
            client_id: id.to_owned(),
            redirect_uris: vec!["https://web.example/cb".to_owned()],
            ..ClientMetadata::default()
        },
        secret: NewSecret::Generated,
    }
}

/// Puts a credential of an authorization into the store.
async fn issue<T: serde::Serialize>(
    admin: &Admin,
    (kind, data): (&Kind<T>, T),
    secret: &str,
    authorization: u8,
    client: &str,
    subject: &str,
) -> Key {
    let key = Key::of(kind, &Secret::new(secret));
    let credential = Credential {
        key: key.clone(),
        authorization: AuthorizationId::from_bytes([authorization; 16]),
        client: ClientId::from(client),
        subject: Some(Subject::from(subject)),
        scope: "read".parse().unwrap(),
        expires_at: admin.clock.now().plus(Duration::from_secs(3600)),
        state: State::Live,
        revision: 0,
        data,
    };
    let insert = Change::Insert(credential.into_row().unwrap());
    admin.registry.commit(&[insert]).await.unwrap();
    key
}

fn access(admin: &Admin) -> (&'static Kind<AccessData>, AccessData) {
    let data = AccessData {
        issued_at: admin.clock.now(),
        claims: Claims::default(),
    };
    (&ACCESS_TOKEN, data)
}

fn refresh(admin: &Admin) -> (&'static Kind<RefreshData>, RefreshData) {
    let data = RefreshData {
        issued_at: admin.clock.now(),
        ends_at: Timestamp::MAX,
        idle_until: None,
        own_lifetime: None,
        rotation: None,
        claims: Claims::default(),
    };
    (&REFRESH_TOKEN, data)
}

async fn state(admin: &Admin, key: &Key) -> State {
    admin.registry.find(key).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_client_that_is_added_is_there_with_the_secret_that_was_shown() {
    let (admin, _) = office();
    let registered = admin.add_client(web("web")).await.unwrap();
    let shown = registered.secret.unwrap();
    let client = admin.registry.client(&"web".into()).await.unwrap().unwrap();
    assert_eq!(client.secrets[0].matches_sha256(&shown), Some(true));
    assert_eq!(client.grant_types, [GrantType::AUTHORIZATION_CODE]);
    assert_eq!(client.scope.as_str(), "read");
    assert_eq!(
        client.metadata::<u64>("client_id_issued_at"),
        Some(admin.clock.now().as_secs())
    );
}

#[tokio::test]
async fn a_client_without_an_identifier_gets_one() {
    let (admin, _) = office();
    let one = admin.add_client(web("")).await.unwrap().client;
    let other = admin.add_client(web("")).await.unwrap().client;
    assert_eq!(one.id.as_str().len(), 22);
    assert_ne!(one.id, other.id);
}

#[tokio::test]
async fn a_chosen_secret_is_hashed_slowly_and_not_shown() {
    let (admin, _) = office();
    let new = NewClient {
        secret: NewSecret::Chosen(Secret::new("chosen by a person")),
        ..web("web")
    };
    let registered = admin.add_client(new).await.unwrap();
    assert!(registered.secret.is_none());
    let hash = registered.client.secrets[0].hash().to_owned();
    let chosen = Secret::new("chosen by a person");
    assert_eq!(admin.argon2.verify(&chosen, &hash).await, Ok(true));
}

#[tokio::test]
async fn an_identifier_is_taken_once_by_configuration_and_store_together() {
    let (admin, _) = office();
    admin.add_client(web("web")).await.unwrap();
    for taken in ["web", "fixed"] {
        let refusal = admin.add_client(web(taken)).await.unwrap_err();
        assert_eq!(refusal.to_string(), format!("there is a client `{taken}` already"));
        assert!(!refusal.is_usage());
    }
}

#[tokio::test]
async fn a_client_that_cannot_be_meant_is_a_usage_error_that_names_everything() {
    let (admin, _) = office();
    let mut new = web("web");
    new.metadata.redirect_uris = vec!["http://web.example/cb".to_owned()];
    new.metadata.scope = Some("admin".to_owned());
    let refusal = admin.add_client(new).await.unwrap_err();
    assert!(refusal.is_usage());
    let told = refusal.to_string();
    assert!(
        told.contains("redirect_uris[0]: ") && told.contains("scope: `admin`"),
        "{told}"
    );
    assert!(admin.registry.client(&"web".into()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_new_secret_takes_the_place_of_the_old_one_at_once_or_after_a_while() {
    let (admin, clock) = office();
    let first = admin.add_client(web("web")).await.unwrap().secret.unwrap();
    let id = ClientId::from("web");
    let hour = Duration::from_secs(3600);
    let second = admin.rotate_secret(&id, NewSecret::Generated, hour).await.unwrap();
    let second = second.secret.unwrap();
    let works = async |secret: &Secret| {
        let client = admin.registry.client(&id).await.unwrap().unwrap();
        client
            .secrets
            .iter()
            .any(|own| own.is_valid(admin.clock.now()) && own.matches_sha256(secret) == Some(true))
    };
    assert!(works(&first).await && works(&second).await);
    clock.advance(hour);
    assert!(!works(&first).await && works(&second).await);
    let third = admin
        .rotate_secret(&id, NewSecret::Generated, Duration::ZERO)
        .await
        .unwrap();
    assert!(!works(&second).await && works(&third.secret.unwrap()).await);
    assert_eq!(admin.registry.client(&id).await.unwrap().unwrap().secrets.len(), 1);
}

#[tokio::test]
async fn a_public_client_has_no_secret_to_rotate() {
    let (admin, _) = office();
    let new = NewClient {
        secret: NewSecret::None,
        ..web("app")
    };
    admin.add_client(new).await.unwrap();
    let refusal = admin
        .rotate_secret(&"app".into(), NewSecret::Generated, Duration::ZERO)
        .await;
    assert!(matches!(refusal, Err(Refusal::NoSecret(_))));
}

#[tokio::test]
async fn what_the_configuration_has_is_listed_as_such_and_not_changed() {
    let (admin, _) = office();
    admin.add_client(web("web")).await.unwrap();
    let listed: Vec<(String, Origin)> = admin
        .registry
        .all()
        .await
        .unwrap()
        .into_iter()
        .map(|(client, origin)| (client.id.to_string(), origin))
        .collect();
    assert_eq!(
        listed,
        [
            ("fixed".to_owned(), Origin::Configuration),
            ("web".to_owned(), Origin::Store)
        ]
    );
    let fixed = ClientId::from("fixed");
    for refusal in [
        admin.remove_client(&fixed).await.unwrap_err(),
        admin
            .rotate_secret(&fixed, NewSecret::Generated, Duration::ZERO)
            .await
            .unwrap_err(),
        admin.disable_user("alice").await.unwrap_err(),
        admin.enable_user("alice").await.unwrap_err(),
        admin.remove_user("alice").await.unwrap_err(),
        admin.set_password("alice", &Secret::new("another")).await.unwrap_err(),
    ] {
        assert!(matches!(refusal, Refusal::Configured { .. }), "{refusal}");
        assert!(refusal.to_string().contains("from configuration"));
        assert!(!refusal.is_usage());
    }
}

#[tokio::test]
async fn the_configuration_hides_what_the_store_has_under_the_same_name() {
    let (admin, _) = office();
    let hidden = Client::public("fixed").named("The store's");
    let document = oauth_server::Document {
        id: "fixed".to_owned(),
        revision: 0,
        body: oauth_server::Json::of(&hidden).unwrap(),
    };
    oauth_server::Documents::write(&admin.registry, oauth_server::CLIENTS, &document)
        .await
        .unwrap();
    let seen = admin.registry.client(&"fixed".into()).await.unwrap().unwrap();
    assert_eq!(seen.name.as_deref(), Some("The file's"));
    assert_eq!(admin.registry.all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_listing_shows_nothing_that_opens_anything() {
    let (admin, _) = office();
    let registered = admin.add_client(web("web")).await.unwrap();
    let entry = ClientEntry::of(&registered.client, Origin::Store);
    let text = serde_json::to_string(&entry).unwrap();
    assert!(!text.contains("sha256:") && !text.contains("secret\":"), "{text}");
    assert!(text.contains("\"client_id\":\"web\"") && text.contains("\"source\":\"store\""));
    let user = admin
        .add_user("bob", &Secret::new("bob's password"), Map::new())
        .await
        .unwrap();
    let text = serde_json::to_string(&UserEntry::of(&user, Origin::Store)).unwrap();
    assert!(!text.contains("argon2"), "{text}");
    assert!(!format!("{user:?}").contains("argon2"));
}

#[tokio::test]
async fn a_removed_client_is_gone_with_all_that_was_approved_for_it() {
    let (admin, _) = office();
    admin.add_client(web("web")).await.unwrap();
    let its = issue(&admin, access(&admin), "a", 1, "web", "bob").await;
    let others = issue(&admin, access(&admin), "b", 2, "fixed", "bob").await;
    assert_eq!(admin.remove_client(&"web".into()).await.unwrap(), 1);
    assert_eq!(state(&admin, &its).await, State::Revoked);
    assert_eq!(state(&admin, &others).await, State::Live);
    assert!(admin.registry.client(&"web".into()).await.unwrap().is_none());
    let again = admin.remove_client(&"web".into()).await.unwrap_err();
    assert_eq!(again.to_string(), "there is no client `web`");
}

#[tokio::test]
async fn people_of_configuration_and_store_sign_in_with_their_own_passwords() {
    let (admin, _) = office();
    admin
        .add_user("bob", &Secret::new("bob's password"), Map::new())
        .await
        .unwrap();
    let sign_in = async |name: &str, password: &str| {
        let subject = admin.users.sign_in(name, &Secret::new(password)).await.unwrap();
        subject.map(|subject| subject.to_string())
    };
    assert_eq!(sign_in("alice", "as the file says").await.as_deref(), Some("alice"));
    assert_eq!(sign_in("bob", "bob's password").await.as_deref(), Some("bob"));
    for (name, password) in [
        ("alice", "bob's password"),
        ("bob", "as the file says"),
        ("bob", ""),
        ("nobody", "bob's password"),
        ("", ""),
    ] {
        assert_eq!(sign_in(name, password).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let (admin, _) = office();
    let password = Secret::new("bob's password");
    admin.add_user("bob", &password, Map::new()).await.unwrap();
    for taken in ["alice", "bob"] {
        let refusal = admin.add_user(taken, &password, Map::new()).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Present { .. }), "{refusal}");
    }
    for (name, password) in [("", "x"), ("a\nb", "x"), (" c", "x"), ("d", "")] {
        let refusal = admin
            .add_user(name, &Secret::new(password), Map::new())
            .await
            .unwrap_err();
        assert!(refusal.is_usage(), "{refusal}");
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_in_again_when_enabled() {
    let (admin, _) = office();
    let password = Secret::new("bob's password");
    admin.add_user("bob", &password, Map::new()).await.unwrap();
    let bob = Subject::from("bob");
    let token = issue(&admin, access(&admin), "a", 1, "fixed", "bob").await;
    let alices = issue(&admin, access(&admin), "b", 2, "fixed", "alice").await;
    assert_eq!(admin.disable_user("bob").await.unwrap(), 1);
    assert_eq!(state(&admin, &token).await, State::Revoked);
    assert_eq!(state(&admin, &alices).await, State::Live);
    assert!(!admin.users.is_active(&bob).await.unwrap());
    assert!(admin.users.sign_in("bob", &password).await.unwrap().is_none());
    admin.enable_user("bob").await.unwrap();
    assert!(admin.users.is_active(&bob).await.unwrap());
    assert!(admin.users.sign_in("bob", &password).await.unwrap().is_some());
    assert_eq!(
        state(&admin, &token).await,
        State::Revoked,
        "what was ended stays ended"
    );
}

#[tokio::test]
async fn another_password_ends_what_was_begun_with_the_old_one() {
    let (admin, _) = office();
    admin
        .add_user("bob", &Secret::new("the old one"), Map::new())
        .await
        .unwrap();
    let token = issue(&admin, refresh(&admin), "r", 1, "fixed", "bob").await;
    assert_eq!(admin.set_password("bob", &Secret::new("the new one")).await.unwrap(), 1);
    assert_eq!(state(&admin, &token).await, State::Revoked);
    let right = admin.users.sign_in("bob", &Secret::new("the new one")).await.unwrap();
    let wrong = admin.users.sign_in("bob", &Secret::new("the old one")).await.unwrap();
    assert!(right.is_some() && wrong.is_none());
}

#[tokio::test]
async fn a_removed_user_leaves_nothing_that_works() {
    let (admin, _) = office();
    admin
        .add_user("bob", &Secret::new("bob's password"), Map::new())
        .await
        .unwrap();
    let token = issue(&admin, access(&admin), "a", 1, "fixed", "bob").await;
    assert_eq!(admin.remove_user("bob").await.unwrap(), 1);
    assert_eq!(state(&admin, &token).await, State::Revoked);
    assert!(!admin.users.is_active(&"bob".into()).await.unwrap());
    assert!(matches!(admin.remove_user("bob").await, Err(Refusal::Absent { .. })));
}

#[tokio::test]
async fn an_access_token_ends_alone_and_a_refresh_token_with_its_authorization() {
    let (admin, _) = office();
    let first = issue(&admin, access(&admin), "a1", 1, "fixed", "bob").await;
    let second = issue(&admin, access(&admin), "a2", 1, "fixed", "bob").await;
    issue(&admin, refresh(&admin), "r", 1, "fixed", "bob").await;
    let revoke = async |token: &str| admin.revoke(&Which::Token(Secret::new(token))).await;
    assert_eq!(revoke("a1").await.unwrap(), 1);
    assert_eq!(state(&admin, &first).await, State::Revoked);
    assert_eq!(state(&admin, &second).await, State::Live);
    assert_eq!(revoke("r").await.unwrap(), 1);
    assert_eq!(state(&admin, &second).await, State::Revoked);
    assert_eq!(revoke("r").await.unwrap(), 0);
    assert!(matches!(revoke("unheard of").await, Err(Refusal::NoToken)));
}

#[tokio::test]
async fn all_of_a_user_a_client_or_an_authorization_ends_however_much_it_is() {
    let (admin, _) = office();
    let mut bobs = Vec::new();
    for at in 0..u8::try_from(PAGE - 1).unwrap() {
        bobs.push(issue(&admin, access(&admin), &format!("a{at}"), at, "fixed", "bob").await);
        bobs.push(issue(&admin, access(&admin), &format!("b{at}"), at, "fixed", "bob").await);
    }
    let alices = issue(&admin, access(&admin), "alice's", 255, "fixed", "alice").await;
    let one = Which::Authorization(AuthorizationId::from_bytes([7; 16]));
    assert_eq!(admin.revoke(&one).await.unwrap(), 1);
    assert_eq!(admin.revoke(&Which::Subject("bob".into())).await.unwrap(), PAGE - 2);
    for key in &bobs {
        assert_eq!(state(&admin, key).await, State::Revoked);
    }
    assert_eq!(state(&admin, &alices).await, State::Live);
    assert_eq!(admin.revoke(&Which::Client("fixed".into())).await.unwrap(), 1);
    assert_eq!(state(&admin, &alices).await, State::Revoked);
    assert_eq!(admin.revoke(&Which::Client("fixed".into())).await.unwrap(), 0);
}

#[tokio::test]
async fn a_listing_says_how_each_token_stands() {
    let (admin, clock) = office();
    issue(&admin, access(&admin), "a", 1, "fixed", "bob").await;
    let spent = issue(&admin, refresh(&admin), "r", 1, "fixed", "bob").await;
    admin.registry.commit(&[Change::Spend(spent)]).await.unwrap();
    let states = async || {
        let entries = admin.tokens(&Filter::Subject("bob".into())).await.unwrap();
        let mut states: Vec<(String, &str)> = entries.into_iter().map(|entry| (entry.kind, entry.state)).collect();
        states.sort();
        states
    };
    let pair = |access, refresh| {
        vec![
            ("access_token".to_owned(), access),
            ("refresh_token".to_owned(), refresh),
        ]
    };
    assert_eq!(states().await, pair("live", "spent"));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(states().await, pair("expired", "expired"));
    admin.revoke(&Which::Subject("bob".into())).await.unwrap();
    assert_eq!(states().await, pair("revoked", "revoked"));
    let nothing = admin.tokens(&Filter::Client("web".into())).await.unwrap();
    assert_eq!(nothing, []);
}

#[tokio::test]
async fn what_expired_a_while_ago_is_forgotten() {
    let (admin, clock) = office();
    for at in 0..300_u16 {
        issue(&admin, access(&admin), &format!("a{at}"), 1, "fixed", "bob").await;
    }
    clock.advance(Duration::from_secs(3600));
    assert_eq!(
        admin.sweep().await.unwrap(),
        0,
        "requests that saw them alive may not have ended"
    );
    clock.advance(Duration::from_secs(601));
    assert_eq!(admin.sweep().await.unwrap(), 300);
    assert_eq!(admin.sweep().await.unwrap(), 0);
}

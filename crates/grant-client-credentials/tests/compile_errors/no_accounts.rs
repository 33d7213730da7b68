use grant_client_credentials::ClientCredentials;

struct NoAccounts;

fn main() {
    let _ = ClientCredentials::acting_as(NoAccounts);
}

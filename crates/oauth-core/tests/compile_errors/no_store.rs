use oauth_core::Server;

struct NoStore;

fn main() {
    Server::builder(NoStore);
}

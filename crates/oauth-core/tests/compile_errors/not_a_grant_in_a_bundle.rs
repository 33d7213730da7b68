use oauth_core::{Builder, Install};

struct NotAGrant;

struct Bundle;

impl Install for Bundle {
    fn install(self, builder: &mut Builder) {
        builder.add_grant(NotAGrant);
    }
}

fn main() {}

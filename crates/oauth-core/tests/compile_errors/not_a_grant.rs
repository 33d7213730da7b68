use oauth_core::Builder;

struct NotAGrant;

fn mount(builder: Builder) -> Builder {
    builder.install(NotAGrant)
}

fn main() {}

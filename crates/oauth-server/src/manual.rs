//! The manual. Every code block in it is compiled and run as a test.
//!
//! The same pages are in the repository's `docs/` directory. Their code uses all features, so they are here only in
//! a build with all features.

macro_rules! chapters {
    ($($chapter:ident = $file:literal,)*) => {
        $(
            #[cfg_attr(
                all(feature = "full", feature = "actix", feature = "danger-implicit", feature = "danger-password"),
                doc = include_str!($file)
            )]
            #[cfg_attr(
                not(all(feature = "full", feature = "actix", feature = "danger-implicit", feature = "danger-password")),
                doc = "A chapter that comes with all features."
            )]
            pub mod $chapter {}
        )*
    };
}

chapters! {
    architecture = "../docs/architecture.md",
    choosing_a_grant = "../docs/choosing-a-grant.md",
    defaults = "../docs/defaults.md",
    from_node_oauth2_server = "../docs/from-node-oauth2-server.md",
    from_oxide_auth = "../docs/from-oxide-auth.md",
    writing_a_grant = "../docs/writing-a-grant.md",
    writing_a_store = "../docs/writing-a-store.md",
}

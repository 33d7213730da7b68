use oauth_core::Change;

fn apply(change: &Change) {
    match change {
        Change::Insert(_) | Change::Spend(_) | Change::Update { .. } | Change::Revoke(_) => {}
    }
}

fn main() {}

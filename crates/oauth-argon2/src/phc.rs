//! Hashes as they are stored: the PHC string format.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use oauth_core::{Entropy, Secret};

use crate::cost::Cost;
use crate::error::Argon2Error;

/// Everything that makes a hash out of a password, except the password.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt,
}

/// A stored hash, taken apart.
pub(crate) struct Stored {
    pub(crate) recipe: Recipe,
    pub(crate) output: Output,
}

impl Recipe {
    /// How a new password is hashed: argon2id, version 1.3, a fresh salt (RFC 9106 §3.1: 16 bytes).
    pub(crate) fn fresh(cost: Cost, entropy: &dyn Entropy) -> Result<Self, Argon2Error> {
        let mut salt = [0u8; argon2::RECOMMENDED_SALT_LEN];
        entropy.fill(&mut salt)?;
        Self::salted(cost, &salt)
    }

    /// What is computed where there is nothing to compare with.
    pub(crate) fn of_nothing(cost: Cost) -> Result<Self, Argon2Error> {
        Self::salted(cost, b"nobody is there.")
    }

    fn salted(cost: Cost, salt: &[u8; argon2::RECOMMENDED_SALT_LEN]) -> Result<Self, Argon2Error> {
        Ok(Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: cost.params(Params::DEFAULT_OUTPUT_LEN)?,
            salt: Salt::new(salt).map_err(|_| Argon2Error::Unreadable("its salt is out of range"))?,
        })
    }

    /// Computes the hash. This is what takes long.
    pub(crate) fn run(&self, password: &Secret) -> Result<Output, Argon2Error> {
        let argon2 = argon2::Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut buffer = [0u8; Output::MAX_LENGTH];
        let length = self.params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let out = buffer
            .get_mut(..length)
            .ok_or(Argon2Error::Unreadable("its output is too long"))?;
        // The recipe was checked when it was made, so that only memory can be missing now.
        argon2
            .hash_password_into(password.expose().as_bytes(), &self.salt, out)
            .map_err(|_| Argon2Error::NoResources)?;
        Output::new(out).map_err(|_| Argon2Error::Unreadable("its output is out of range"))
    }

    /// The PHC string to store.
    pub(crate) fn phc(&self, output: Output) -> Result<String, Argon2Error> {
        let params = ParamsString::try_from(&self.params).map_err(|_| Argon2Error::BadCost("out of range"))?;
        let hash = PasswordHash {
            algorithm: self.algorithm.ident(),
            version: Some(self.version.into()),
            params,
            salt: Some(self.salt),
            hash: Some(output),
        };
        Ok(hash.to_string())
    }

    /// Whether new passwords are hashed like this.
    pub(crate) fn is_current(&self, cost: Cost) -> bool {
        self.algorithm == Algorithm::Argon2id && self.version == Version::V0x13 && self.cost() == cost
    }

    fn cost(&self) -> Cost {
        Cost {
            memory_kib: self.params.m_cost(),
            iterations: self.params.t_cost(),
            parallelism: self.params.p_cost(),
        }
    }
}

impl Stored {
    /// Takes a PHC string apart, and refuses what must not be computed.
    pub(crate) fn parse(phc: &str) -> Result<Self, Argon2Error> {
        let unreadable = Argon2Error::Unreadable;
        let hash = PasswordHash::new(phc).map_err(|_| unreadable("it is not a PHC string"))?;
        let algorithm =
            Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| unreadable("it names another algorithm"))?;
        let version = match hash.version {
            // Strings of argon2 1.0 had no version; the field came with 1.1, and names 1.0 by its absence.
            None => Version::V0x10,
            Some(version) => Version::try_from(version).map_err(|_| unreadable("its version is unknown"))?,
        };
        let params = Params::try_from(&hash).map_err(|_| unreadable("its parameters are out of range"))?;
        let salt = hash.salt.ok_or(unreadable("it has no salt"))?;
        let output = hash.hash.ok_or(unreadable("it has no output"))?;
        let recipe = Recipe {
            algorithm,
            version,
            params,
            salt,
        };
        recipe.cost().check()?;
        Ok(Self { recipe, output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifies(password: &str, phc: &str) -> bool {
        let stored = Stored::parse(phc).unwrap();
        stored.recipe.run(&Secret::new(password)).unwrap() == stored.output
    }

    #[test]
    fn hashes_of_the_reference_implementation_are_understood() {
        // From the test suite of phc-winner-argon2: argon2id, argon2i, and a string of argon2 1.0,
        // which has no version field.
        for phc in [
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        ] {
            assert!(verifies("password", phc), "{phc}");
            assert!(!verifies("differentpassword", phc), "{phc}");
        }
    }

    #[test]
    fn garbage_is_unreadable_and_never_a_panic() {
        let whole = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for garbage in [
            "",
            "$",
            "hunter2",
            "$argon2id",
            "$argon2id$",
            "$argon2id$v=19",
            "$argon2id$v=19$m=256,t=2,p=1",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=99$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=x,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=99999999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=16777216$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=1,x=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2x$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
            "$argon2id$v=19$m=256,t=2,p=1$💥$💥",
        ] {
            let error = Stored::parse(garbage).err();
            assert!(
                matches!(error, Some(Argon2Error::Unreadable(_))),
                "{garbage}: {error:?}"
            );
        }
        // Every beginning of a hash is another kind of garbage, or a hash with a shorter output.
        for end in 0..whole.len() {
            let _ = Stored::parse(&whole[..end]);
        }
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_refused_unread() {
        for phc in [
            "$argon2id$v=19$m=1048577,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=4000000,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ] {
            assert!(
                matches!(Stored::parse(phc), Err(Argon2Error::TooCostly { .. })),
                "{phc}"
            );
        }
    }
}

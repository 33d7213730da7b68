//! What one hash costs, and what it may cost at most.

use argon2::Params;

use crate::error::Argon2Error;

/// What computing one hash costs (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, at least 8 for each lane.
    pub memory_kib: u32,
    /// How often the memory is gone over, at least once.
    pub iterations: u32,
    /// Lanes. They are computed one after the other: many passwords at once keep the cores busy already.
    pub parallelism: u32,
}

impl Cost {
    /// 19 MiB, 2 iterations, 1 lane: the least that OWASP's Password Storage Cheat Sheet recommends
    /// for argon2id, which is right where every sign-in has to be answered while a person waits.
    pub const OWASP: Self = Self {
        memory_kib: 19 * 1024,
        iterations: 2,
        parallelism: 1,
    };

    /// The most memory that a stored hash may ask for: 1 GiB.
    pub const MOST_MEMORY_KIB: u32 = 1024 * 1024;

    /// The most work that a stored hash may ask for, in KiB times iterations: four passes over 1 GiB.
    pub const MOST_WORK: u64 = 4 * 1024 * 1024;

    /// Refuses what argon2 is not defined for, and what nobody means to spend on one password. A
    /// hash that came with an import decides over this machine's memory otherwise.
    pub(crate) fn check(self) -> Result<(), Argon2Error> {
        if self.memory_kib > Self::MOST_MEMORY_KIB
            || u64::from(self.memory_kib) * u64::from(self.iterations) > Self::MOST_WORK
        {
            return Err(Argon2Error::TooCostly {
                memory_kib: self.memory_kib,
                iterations: self.iterations,
            });
        }
        self.params(Params::DEFAULT_OUTPUT_LEN).map(|_| ())
    }

    pub(crate) fn params(self, output: usize) -> Result<Params, Argon2Error> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, Some(output)).map_err(|error| {
            Argon2Error::BadCost(match error {
                argon2::Error::MemoryTooLittle => "memory is less than 8 KiB for each lane",
                argon2::Error::TimeTooSmall => "there must be an iteration",
                argon2::Error::ThreadsTooFew => "there must be a lane",
                argon2::Error::ThreadsTooMany => "too many lanes",
                _ => "out of range",
            })
        })
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::OWASP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recommended_cost_is_fine() {
        assert_eq!(Cost::OWASP.check(), Ok(()));
    }

    #[test]
    fn a_cost_argon2_is_not_defined_for_is_named() {
        let cost = Cost {
            memory_kib: 7,
            iterations: 1,
            parallelism: 1,
        };
        assert_eq!(
            cost.check(),
            Err(Argon2Error::BadCost("memory is less than 8 KiB for each lane"))
        );
        let cost = Cost {
            iterations: 0,
            ..Cost::OWASP
        };
        assert_eq!(cost.check(), Err(Argon2Error::BadCost("there must be an iteration")));
        let cost = Cost {
            parallelism: 0,
            ..Cost::OWASP
        };
        assert_eq!(cost.check(), Err(Argon2Error::BadCost("there must be a lane")));
        let cost = Cost {
            parallelism: u32::MAX,
            ..Cost::OWASP
        };
        assert!(matches!(cost.check(), Err(Argon2Error::BadCost(_))));
    }

    #[test]
    fn neither_much_memory_nor_many_passes_are_spent() {
        let much = Cost {
            memory_kib: Cost::MOST_MEMORY_KIB + 1,
            ..Cost::OWASP
        };
        assert!(matches!(much.check(), Err(Argon2Error::TooCostly { .. })));
        let long = Cost {
            iterations: u32::MAX,
            ..Cost::OWASP
        };
        assert!(matches!(long.check(), Err(Argon2Error::TooCostly { .. })));
    }
}

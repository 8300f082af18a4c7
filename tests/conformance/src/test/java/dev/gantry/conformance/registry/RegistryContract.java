package dev.gantry.conformance.registry;

/// A part of what a registry must do, by the rows of the distribution-spec's features: end points
/// (`end-N`), error codes (`code-N`) and behaviours. Every test works in a repository of its own.
interface RegistryContract {
  /// The registry under test.
  Distribution registry();
}

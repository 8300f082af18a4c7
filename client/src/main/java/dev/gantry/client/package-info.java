/// Docker's Engine API from the caller's side. Entry type: [EngineClient]; the command line uses it
/// and nothing else of ours, so it drives any Docker engine.
package dev.gantry.client;

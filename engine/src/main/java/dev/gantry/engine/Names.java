package dev.gantry.engine;

import java.util.Random;

/// Names for containers that nobody named: an adjective and a tool or part of a port.
final class Names {
  private static final String[] FIRST = {
    "amber", "brave", "brisk", "calm", "clever", "copper", "crisp", "daring", "eager", "early",
    "easy", "fair", "fleet", "fresh", "gentle", "glad", "golden", "grand", "happy", "hardy",
    "honest", "humble", "jolly", "keen", "kind", "light", "lively", "lucky", "mellow", "merry",
    "mighty", "modest", "neat", "nimble", "noble", "patient", "plucky", "polite", "proud", "quick",
    "quiet", "ready", "robust", "rugged", "salty", "sharp", "silver", "smart", "solid", "steady",
    "sturdy", "sunny", "swift", "tidy", "trusty", "vivid", "warm", "wise", "witty", "young"
  };
  private static final String[] SECOND = {
    "anchor",
    "ballast",
    "barge",
    "beacon",
    "berth",
    "boom",
    "bollard",
    "bridge",
    "buoy",
    "cable",
    "canal",
    "capstan",
    "cargo",
    "chain",
    "cleat",
    "compass",
    "crane",
    "deck",
    "derrick",
    "dock",
    "drawbridge",
    "fender",
    "ferry",
    "gale",
    "gangway",
    "harbor",
    "hatch",
    "hawser",
    "helm",
    "hoist",
    "hull",
    "jetty",
    "keel",
    "ladder",
    "lantern",
    "lever",
    "lighthouse",
    "lock",
    "mast",
    "mooring",
    "oar",
    "pallet",
    "pier",
    "pilot",
    "pulley",
    "quay",
    "rigging",
    "rudder",
    "sail",
    "sluice",
    "spar",
    "tackle",
    "tide",
    "tiller",
    "trolley",
    "tug",
    "wharf",
    "winch",
    "yard"
  };

  private Names() {}

  /// A name; with `attempt` above zero it gets a number, so that one is free sooner or later.
  static String random(Random random, int attempt) {
    String name = FIRST[random.nextInt(FIRST.length)] + "_" + SECOND[random.nextInt(SECOND.length)];
    return attempt == 0 ? name : name + random.nextInt(10 * attempt);
  }
}

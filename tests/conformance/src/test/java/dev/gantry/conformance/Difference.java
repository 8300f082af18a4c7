package dev.gantry.conformance;

/// One point in which an answer differs from the recorded one.
///
/// @param record name of the exchange
/// @param path where: `status`, `headers.Content-Type`, `body.State.Pid`, `events` …
/// @param recorded what the real daemon said, shortened
/// @param ours what our engine said, shortened
record Difference(String scenario, String record, String path, String recorded, String ours) {
  /// Where it is, whatever the values are.
  String place() {
    return scenario + "\t" + record + "\t" + path;
  }

  @Override
  public String toString() {
    return scenario + "\t" + record + "\t" + path + "\t" + ours + "\trecorded: " + recorded;
  }
}

package dev.gantry.grpc;

/// One header line; names are in lower case.
record Header(String name, String value) {
  /// As RFC 7541, section 4.1, counts it.
  int size() {
    return name.length() + value.length() + 32;
  }
}

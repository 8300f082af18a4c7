package dev.gantry.integration;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/// Names, subnets and ports for the network tests of this process: several runs on one machine must
/// not meet. The lane is the first whose lock, a port on loopback, could be had.
final class Lane {
  private static final int LANES = 200;
  private static final int FIRST_LOCK = 9600;
  private static final int FIRST_PORT = 10_000;
  private static final int PORTS = 25;
  private static final ServerSocket LOCK = lock();
  private static final int NUMBER = LOCK.getLocalPort() - FIRST_LOCK;

  private Lane() {}

  private static ServerSocket lock() {
    for (int i = 0; i < LANES; i++) {
      try {
        return new ServerSocket(FIRST_LOCK + i, 1, InetAddress.getLoopbackAddress());
      } catch (IOException e) {
        continue; // another run has it
      }
    }
    throw new UncheckedIOException(new IOException("no lane is free"));
  }

  /// A link or table name that begins with `prefix`.
  static String name(String prefix) {
    return prefix + NUMBER;
  }

  /// The first three numbers of a subnet /24; `block` is 244 to 254.
  static String net(int block) {
    return "10." + block + "." + NUMBER;
  }

  /// A /48 for IPv6 subnets.
  static String net6() {
    return "fd28:1:" + Integer.toHexString(NUMBER + 1);
  }

  /// A host port; `number` is below 25.
  static int port(int number) {
    return FIRST_PORT + NUMBER * PORTS + number;
  }
}

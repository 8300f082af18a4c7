package dev.gantry.engine;

import dev.gantry.kernel.NetlinkSetup;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/// The one message that a network namespace without networks needs: bring up `lo`, its link 1.
final class Loopback {
  private static final short RTM_NEWLINK = 16;
  private static final short REQUEST_ACK = 1 | 4;
  private static final int IFF_UP = 1;

  static final NetlinkSetup SETUP = new NetlinkSetup(List.of(), List.of(message()));

  private Loopback() {}

  private static byte[] message() {
    ByteBuffer m = ByteBuffer.allocate(32).order(ByteOrder.nativeOrder());
    m.putInt(32).putShort(RTM_NEWLINK).putShort(REQUEST_ACK).putInt(1).putInt(0);
    m.putShort((short) 0).putShort((short) 0).putInt(1).putInt(IFF_UP).putInt(IFF_UP);
    return m.array();
  }
}

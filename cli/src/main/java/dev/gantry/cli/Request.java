package dev.gantry.cli;

import dev.gantry.kernel.Fd;
import dev.gantry.kernel.FdPassing;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a launcher hands over: the words of a command with everything that its process has.
///
/// @param foreground whether it may read its terminal
/// @param streams its descriptors 0 to 2, which whoever took the request closes
record Request(
    List<String> arguments,
    String folder,
    Map<String, String> environment,
    int umask,
    boolean foreground,
    List<Fd> streams) {
  private static final int MAGIC = 0x31524e47;
  private static final int HEADER = 24;
  private static final int MOST_BYTES = 16 << 20;

  /// The JVM's own way to read names and words, which is why a process with another locale is none
  /// of ours.
  private static final Charset NAMES =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  /// Reads it from a new connection.
  static Request receive(Fd socket) throws IOException {
    FdPassing.Message first = FdPassing.receive(socket, HEADER);
    try {
      byte[] head = new byte[HEADER];
      System.arraycopy(first.bytes(), 0, head, 0, first.bytes().length);
      fill(socket, head, first.bytes().length);
      ByteBuffer header = ByteBuffer.wrap(head).order(ByteOrder.nativeOrder());
      int magic = header.getInt();
      int arguments = header.getInt();
      int variables = header.getInt();
      int umask = header.getInt();
      boolean foreground = header.getInt() != 0;
      int size = header.getInt();
      if (magic != MAGIC || first.fds().size() != 3 || size < 0 || size > MOST_BYTES) {
        throw new IOException("this is no launcher of ours");
      }
      byte[] bytes = new byte[size];
      fill(socket, bytes, 0);
      List<String> texts = texts(bytes);
      if (arguments < 0 || variables < 0 || texts.size() != 1 + arguments + variables) {
        throw new IOException("the request has " + texts.size() + " texts");
      }
      return new Request(
          List.copyOf(texts.subList(1, 1 + arguments)),
          texts.getFirst(),
          variables(texts.subList(1 + arguments, texts.size())),
          umask,
          foreground,
          first.fds());
    } catch (IOException | RuntimeException e) {
      first.fds().forEach(Fd::close);
      throw e;
    }
  }

  private static void fill(Fd socket, byte[] bytes, int from) throws IOException {
    for (int at = from; at < bytes.length; ) {
      int count = socket.read(bytes, at, bytes.length - at);
      if (count < 0) {
        throw new EOFException("the launcher has gone");
      }
      at += count;
    }
  }

  /// The texts that a NUL each ends.
  private static List<String> texts(byte[] bytes) {
    List<String> texts = new ArrayList<>();
    int from = 0;
    for (int at = 0; at < bytes.length; at++) {
      if (bytes[at] == 0) {
        texts.add(new String(bytes, from, at - from, NAMES));
        from = at + 1;
      }
    }
    return texts;
  }

  private static Map<String, String> variables(List<String> texts) {
    Map<String, String> variables = new LinkedHashMap<>();
    for (String text : texts) {
      int equals = text.indexOf('=', 1);
      if (equals > 0) {
        variables.put(text.substring(0, equals), text.substring(equals + 1));
      }
    }
    return variables;
  }
}

package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.grpc.Call;
import dev.gantry.grpc.Connection;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A client that lists what a test says, and what becomes of it in a folder.
@Timeout(60)
class FileSyncTest {
  private static final long FOLDER = 0x800001edL;
  private static final long FILE = 0644;
  private static final long LINK = 0x080001ffL;

  @TempDir Path folder;
  @TempDir Path notes;
  private final List<Message> list = new ArrayList<>();
  private final List<String> asked = new ArrayList<>();
  private final List<Message> ends = new ArrayList<>();

  /// How many files the client sends before it ends the first of them.
  private int atOnce = 1;

  private Socket near = new Socket();
  private Socket far = new Socket();

  @BeforeEach
  void connect() throws IOException {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      near = new Socket(server.getInetAddress(), server.getLocalPort());
      far = server.accept();
    }
  }

  @AfterEach
  void close() throws IOException {
    near.close();
    far.close();
  }

  private static void start(Connection connection) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                connection.run();
              } catch (IOException e) {
                return; // the test has closed the socket
              }
            });
  }

  private void entry(String path, long mode, long time, String target, String content) {
    list.add(
        new Message()
            .text(1, path)
            .number(2, mode)
            .number(5, content.length())
            .number(6, time * 1_000_000_000L + 5)
            .text(7, target)
            .text(100, content));
  }

  private void serve(String method, Call call) throws GrpcException, IOException {
    for (Message stat : list) {
      call.send(new Message().message(2, stat));
    }
    call.send(new Message());
    for (byte[] m = call.receive(); m != null; m = call.receive()) {
      Message packet = Message.decode(m);
      if (packet.number(1) == 3) {
        call.send(new Message().number(1, 3));
        continue;
      }
      int id = (int) packet.number(3);
      asked.add(list.get(id).text(1));
      byte[] content = list.get(id).text(100).getBytes(StandardCharsets.UTF_8);
      if (content.length > 0) {
        call.send(new Message().number(1, 2).number(3, id).bytes(4, content));
      }
      ends.add(new Message().number(1, 2).number(3, id));
      if (ends.size() >= atOnce) {
        for (Message end : ends) {
          call.send(end);
        }
        ends.clear();
      }
    }
  }

  /// Clients read several files side by side.
  @Test
  void takesFilesThatComeMixed() throws Exception {
    atOnce = 3;
    entry("a", FILE, 11, "", "one");
    entry("b", FILE, 12, "", "two");
    entry("c", FILE, 13, "", "three");
    sync();
    assertEquals("one", Files.readString(folder.resolve("a")));
    assertEquals("two", Files.readString(folder.resolve("b")));
    assertEquals(13_000, Files.getLastModifiedTime(folder.resolve("c")).toMillis());
  }

  /// @return whether anything has changed
  private boolean sync() throws Exception {
    close();
    connect();
    asked.clear();
    start(Connection.server(far.getInputStream(), far.getOutputStream(), this::serve));
    Connection client = Connection.client(near.getInputStream(), near.getOutputStream());
    start(client);
    Session session = new Session("id", "key", Set.of(), client);
    return FileSync.into(
        folder,
        notes.resolve("list"),
        session,
        new FileSync.Wanted("context", List.of(), List.of()),
        n -> {},
        new java.util.HashSet<>());
  }

  @Test
  void fetchesOnlyWhatHasChanged() throws Exception {
    entry("a", FOLDER, 10, "", "");
    entry("a/f", FILE, 11, "", "one");
    entry("a/g", FILE, 12, "", "");
    entry("b", LINK, 13, "a/f", "");
    entry("c", FILE, 14, "", "two");
    sync();
    assertEquals(List.of("a/f", "a/g", "c"), asked);
    assertEquals("one", Files.readString(folder.resolve("a/f")));
    assertEquals("one", Files.readString(folder.resolve("b")));
    assertEquals(11_000, Files.getLastModifiedTime(folder.resolve("a/f")).toMillis());
    assertEquals(10_000, Files.getLastModifiedTime(folder.resolve("a")).toMillis());

    sync();
    assertEquals(List.of(), asked);

    list.remove(4);
    list.remove(1);
    entry("d", FILE, 15, "", "new");
    sync();
    assertEquals(List.of("d"), asked);
    assertFalse(Files.exists(folder.resolve("c")));
    assertFalse(Files.exists(folder.resolve("a/f")));
    assertTrue(Files.exists(folder.resolve("a/g")));
  }

  @Test
  void aFolderBecomesAFileAndBack() throws Exception {
    entry("a", FOLDER, 10, "", "");
    entry("a/f", FILE, 11, "", "one");
    sync();
    list.clear();
    entry("a", FILE, 10, "", "now a file");
    sync();
    assertEquals("now a file", Files.readString(folder.resolve("a")));
    list.clear();
    entry("a", FOLDER, 10, "", "");
    entry("a/g", FILE, 11, "a/f", "");
    list.removeLast();
    entry("a/g", FILE, 11, "", "x");
    entry("a/h", FILE, 11, "a/g", "x");
    sync();
    assertEquals("x", Files.readString(folder.resolve("a/h")));
    assertEquals(
        Files.getAttribute(folder.resolve("a/g"), "unix:ino"),
        Files.getAttribute(folder.resolve("a/h"), "unix:ino"));
  }

  @Test
  void pathsThatCannotBeAreRefused() throws Exception {
    for (String path :
        List.of("../x", "/x", "a/../x", "a//x", "a/./x", "nothing/x", "", "b/x", "a/\0")) {
      list.clear();
      entry("a", FOLDER, 1, "", "");
      entry("b", LINK, 1, "..", "");
      entry(path, FILE, 1, "", "x");
      assertThrows(IOException.class, this::sync, path);
    }
    list.clear();
    entry("b", FILE, 1, "", "x");
    entry("a", FILE, 1, "", "x"); // not sorted
    assertThrows(IOException.class, this::sync);
    list.clear();
    entry("a", FILE, 1, "../../etc/passwd", "x"); // a hard link to what is not listed
    assertThrows(IOException.class, this::sync);
  }

  /// What the list of the last transfer says is believed: nobody looks at the files again.
  @Test
  void filesThatAreListedAsBeforeAreNotLookedAt() throws Exception {
    entry("a", FOLDER, 10, "", "");
    entry("a/f", FILE, 11, "", "one");
    entry("a/h", FILE, 11, "a/f", "one");
    entry("b", FILE, 12, "", "two");
    assertTrue(sync());
    Files.setLastModifiedTime(folder.resolve("a/f"), FileTime.fromMillis(1));
    assertFalse(sync());
    assertEquals(List.of(), asked);

    Files.delete(notes.resolve("list"));
    assertTrue(sync());
    assertEquals(List.of("a/f"), asked);

    list.removeLast();
    assertTrue(sync(), "one at the end is gone");
    assertFalse(Files.exists(folder.resolve("b")));
    list.clear();
    entry("a", FOLDER, 20, "", "");
    entry("../x", FILE, 11, "", "");
    assertThrows(IOException.class, this::sync);
    assertFalse(Files.exists(notes.resolve("list")), "the transfer was cut off");
    list.clear();
    entry("a", FOLDER, 20, "", "");
    entry("a/f", FILE, 11, "", "one");
    assertTrue(sync());
    assertEquals(20_000, Files.getLastModifiedTime(folder.resolve("a")).toMillis());
    assertFalse(sync());
  }

  /// A list from before the machine's start tells nothing, nor does half a one.
  @Test
  void listsThatDoNotCountAreNotBelieved() throws Exception {
    entry("f", FILE, 11, "", "one");
    boolean ignored = sync();
    byte[] whole = Files.readAllBytes(notes.resolve("list"));
    for (int length : List.of(0, 1, 10, whole.length - 3)) {
      Files.write(notes.resolve("list"), Arrays.copyOf(whole, length));
      Files.writeString(folder.resolve("f"), "not the client's");
      assertTrue(sync(), "" + length);
      assertEquals("one", Files.readString(folder.resolve("f")));
    }
    byte[] other = whole.clone();
    other[4] ^= 1; // in the boot's id
    Files.write(notes.resolve("list"), other);
    Files.writeString(folder.resolve("f"), "not the client's");
    assertTrue(sync());
    assertEquals("one", Files.readString(folder.resolve("f")));
  }

  @Test
  void listsAreBounded() {
    for (int i = 0; i < 20_000; i++) {
      entry(String.format("%05d", i), FILE, 11, "", "x".repeat(4000));
    }
    IOException e = assertThrows(IOException.class, this::sync);
    assertTrue(e.getMessage().contains("larger than 64 MiB"), e::getMessage);
  }

  /// What an earlier list made a link must not lead a later one out.
  @Test
  void aLinkFromBeforeIsNotFollowed(@TempDir Path outside) throws Exception {
    entry("a", LINK, 1, outside.toString(), "");
    sync();
    list.clear();
    entry("a", FOLDER, 1, "", "");
    entry("a/f", FILE, 1, "", "x");
    sync();
    assertFalse(Files.exists(outside.resolve("f")));
    assertTrue(Files.isRegularFile(folder.resolve("a/f")));
  }

  @Test
  void foldersAreSortedBeforeWhatOnlyBeginsLikeThem() {
    assertTrue(FileSync.compare("a/b", "a.b") < 0);
    assertTrue(FileSync.compare("a", "a/b") < 0);
    assertTrue(FileSync.compare("a-b", "a/b") > 0);
    assertTrue(FileSync.compare("b", "a/b") > 0);
    assertEquals(0, FileSync.compare("a/b", "a/b"));
    // as in UTF-8: those beyond the first 65,536 characters come last
    assertTrue(FileSync.compare("\uff01", "\ud83d\ude00") < 0);
    assertTrue(FileSync.compare("\ud83d\ude00", "\ud83d\ude01") < 0);
    assertTrue(FileSync.compare("e\u0301", "\u00e9") < 0);
  }
}

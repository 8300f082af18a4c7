package dev.gantry.registry;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/// Where a registry keeps its bytes: documents and contents under keys like `a/b/c`. Little enough
/// that an object store can implement it. Thread-safe. Nothing is ever seen half: a key shows the
/// whole old value or the whole new one, also after the process or the machine died.
interface Storage extends Closeable {
  /// A small document, or nothing.
  Optional<byte[]> read(String key) throws IOException;

  /// Puts a small document; durable when it returns.
  void write(String key, byte[] document) throws IOException;

  /// Puts a small document that survives our own end at any moment, but maybe not the machine's.
  void note(String key, byte[] document) throws IOException;

  /// Puts an empty document whose name says it all. It is durable no later than the next [#write];
  /// its modification time is now, also if it was there.
  void mark(String key) throws IOException;

  /// Removes a document or content; false where there was none.
  boolean remove(String key) throws IOException;

  /// Removes everything under `folder`.
  void removeAll(String folder) throws IOException;

  /// The names directly under `folder` that come after `after`, in the order of their characters,
  /// at most `limit`.
  List<String> list(String folder, String after, int limit) throws IOException;

  default List<String> list(String folder) throws IOException {
    return list(folder, "", Integer.MAX_VALUE);
  }

  /// Size in bytes and time of the last change.
  record Stat(long size, Instant changed) {}

  Optional<Stat> stat(String key) throws IOException;

  /// An opened content.
  interface Content extends Closeable {
    long size();

    /// Reads on from `offset`.
    InputStream from(long offset) throws IOException;

    /// The file itself, where there is one: the kernel sends it without our copying it.
    Optional<FileChannel> file();
  }

  Optional<Content> open(String key) throws IOException;

  /// Goes on writing a content of which `length` bytes are to be kept; others see nothing of it but
  /// its size. What was written before a crash stays.
  OutputStream append(String key, long length) throws IOException;

  /// Makes a content that was appended to durable and visible under `to`, in one step. It takes the
  /// place of what is there: who pushes damaged content anew repairs it.
  void publish(String from, String to) throws IOException;
}

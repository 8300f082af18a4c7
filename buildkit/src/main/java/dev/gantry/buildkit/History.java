package dev.gantry.buildkit;

import dev.gantry.build.Redaction;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.oci.Digest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// The builds under way and those that have ended, as `buildx history` and `gantry build history`
/// list them, and what `--metadata-file` reads of the build that has just ended. What was built has
/// a provenance (SLSA 0.2) that says how; each has all that it said.
final class History {
  private static final int STARTED = 0;
  private static final int COMPLETE = 1;
  private static final int DELETED = 2;
  private static final String PREDICATE = "https://slsa.dev/provenance/v0.2";
  private static final String STATEMENT = "application/vnd.in-toto+json";
  private static final String LOGS = "application/vnd.buildkit.status.v0";
  private static final int PIECE = 32 << 10;
  private static final int MOST_LOGS = 64 << 20;

  private final Builds builds;
  private final HistoryStore store;

  History(Builds builds, HistoryStore store) {
    this.builds = builds;
    this.store = store;
  }

  // ---- keeping

  /// Keeps a build that has ended. If that cannot be, it is known as long as the engine runs.
  void keep(OneBuild build) {
    boolean kept = false;
    if (!build.request().internal()) {
      try {
        Map<String, byte[]> contents = new LinkedHashMap<>();
        byte[] provenance = build.provenance();
        if (provenance.length > 0) {
          contents.put(Digest.of(provenance).toString(), provenance);
        }
        byte[] logs = logs(new SecretMask(build.secrets()).without(build.progress().said()));
        Digest digest = Digest.of(logs);
        contents.put(digest.toString(), logs);
        store.put(record(build).message(8, descriptor(LOGS, digest, logs.length)), contents);
        kept = true;
      } catch (GrpcException | IOException e) {
        System.getLogger("gantryd")
            .log(System.Logger.Level.WARNING, "could not keep the record of a build", e);
      }
    }
    builds.ended(build, kept);
  }

  /// All that a build said, as BuildKit keeps it: the length of each status in 4 bytes
  /// (little-endian), and the status.
  private static byte[] logs(List<byte[]> statuses) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] status : statuses) {
      if (status.length == 0 || all.size() > MOST_LOGS) {
        continue;
      }
      byte[] length =
          ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(status.length).array();
      all.writeBytes(length);
      all.writeBytes(status);
    }
    return all.toByteArray();
  }

  private static Message descriptor(String type, Digest digest, long size) {
    return new Message().text(1, type).text(2, digest.toString()).number(3, size);
  }

  // ---- progress

  /// `Status`: all that a build said and will say; the build may come a little later.
  void status(String ref, Call call) throws GrpcException, IOException {
    Optional<OneBuild> build = builds.await(ref, r -> store.find(r).isPresent());
    if (build.isPresent()) {
      build.get().progress().stream(call);
      return;
    }
    HistoryStore.Kept kept =
        store
            .find(ref)
            .orElseThrow(() -> new GrpcException(GrpcException.NOT_FOUND, "no such job " + ref));
    String digest = kept.record().message(8).orElseGet(Message::new).text(2);
    ByteBuffer all = ByteBuffer.wrap(store.content(digest)).order(ByteOrder.LITTLE_ENDIAN);
    while (all.remaining() >= 4) {
      int length = all.getInt();
      if (length < 0 || length > all.remaining()) {
        throw new GrpcException(GrpcException.INTERNAL, "the record of " + ref + " is damaged");
      }
      byte[] status = new byte[length];
      all.get(status);
      call.send(status);
    }
  }

  // ---- records

  /// `ListenBuildHistory`: what there is, the newest first, and unless the client wants no more,
  /// what comes.
  void listen(Message request, Call call) throws GrpcException, IOException {
    String ref = request.text(2);
    boolean active = request.flag(1);
    HistoryFilter filter = new HistoryFilter(request.texts(4));
    long limit = request.number(5);
    Map<String, Integer> told = new HashMap<>();
    call.whenCancelled(builds::wake);
    while (true) {
      final long version = builds.version();
      Set<String> here = new HashSet<>();
      long sent = 0;
      for (Map.Entry<String, Message> one : all().entrySet()) {
        Message record = one.getValue();
        String id = record.text(1);
        int state = record.has(7) ? COMPLETE : STARTED;
        here.add(id);
        boolean wanted =
            (ref.isEmpty() || ref.equals(id))
                && (!active || state == STARTED)
                && (limit <= 0 || sent < limit)
                && filter.wants(record);
        if (wanted) {
          sent++;
          if (!Integer.valueOf(state).equals(told.put(id, state))) {
            call.send(event(state, record));
          }
        }
      }
      for (String gone : Set.copyOf(told.keySet())) {
        if (!here.contains(gone)) {
          told.remove(gone);
          call.send(event(DELETED, new Message().text(1, gone)));
        }
      }
      if (request.flag(3)) {
        return;
      }
      builds.awaitChange(version, call);
    }
  }

  /// Records by when they began and their names, the newest first.
  private Map<String, Message> all() throws GrpcException {
    Map<String, Message> all = new TreeMap<>(Comparator.reverseOrder());
    for (OneBuild build : builds.recorded()) {
      all.put(build.created() + " " + build.request().ref(), record(build));
    }
    for (HistoryStore.Kept kept : store.list()) {
      all.put(kept.created() + " " + kept.ref(), kept.record());
    }
    return all;
  }

  private static Message event(int type, Message record) {
    return new Message().number(1, type).message(2, record);
  }

  /// `UpdateBuildHistory`: forgets a record, or keeps it whatever its age.
  void update(Message request) throws GrpcException, IOException {
    String ref = request.text(1);
    if (request.flag(4)) {
      return; // records are whole from the first on
    }
    if (!request.flag(3)) {
      store.pin(ref, request.flag(2));
    } else if (!(store.remove(ref) | builds.forget(ref))) {
      throw new GrpcException(
          GrpcException.NOT_FOUND, "no build record " + ref + " that has ended");
    }
    builds.changed();
  }

  private static Message record(OneBuild build) {
    SolveRequest request = build.request();
    Progress.Steps steps = build.progress().steps();
    Map<String, String> attributes = new LinkedHashMap<>(request.attributes());
    attributes.replaceAll((name, value) -> Redaction.urls(value));
    Message record =
        new Message()
            .text(1, request.ref())
            .map(3, attributes)
            .time(6, build.created())
            .map(9, build.exported())
            .number(12, 1)
            .number(15, steps.cached())
            .number(16, steps.total())
            .number(17, steps.completed())
            .number(19, steps.warnings());
    for (SolveRequest.Exporter exporter : request.exporters()) {
      String type = exporter.type().equals("moby") ? "image" : exporter.type();
      record.message(4, new Message().text(1, type).map(2, exporter.attributes()));
    }
    build
        .failure()
        .map(e -> new GrpcException(e.code(), Redaction.urls(e.text()), e.details()))
        .ifPresent(e -> record.message(5, e.status()));
    build.completed().ifPresent(when -> record.time(7, when));
    byte[] provenance = build.provenance();
    if (build.completed().isPresent() && provenance.length > 0) {
      Message descriptor =
          descriptor(STATEMENT, Digest.of(provenance), provenance.length)
              .map(5, Map.of("in-toto.io/predicate-type", PREDICATE));
      record.message(10, new Message().message(2, descriptor));
    }
    return record;
  }

  // ---- content

  /// `Content.Info`.
  Message info(Message request) throws GrpcException {
    String digest = request.text(1);
    long size =
        store
            .size(digest)
            .orElseThrow(
                () ->
                    new GrpcException(
                        GrpcException.NOT_FOUND, "content " + digest + ": not found"));
    return new Message().message(1, new Message().text(1, digest).number(2, size));
  }

  /// `Content.Read`.
  void read(Message request, Call call) throws GrpcException, IOException {
    byte[] all = store.content(request.text(1));
    long offset = request.number(2);
    long size = request.number(3);
    if (offset < 0 || offset > all.length || size < 0) {
      throw new GrpcException(GrpcException.INVALID_ARGUMENT, "offset beyond the content's end");
    }
    int end = size == 0 ? all.length : (int) Math.min(all.length, offset + size);
    for (int at = (int) offset; at < end; at += PIECE) {
      byte[] piece = Arrays.copyOfRange(all, at, Math.min(at + PIECE, end));
      call.send(new Message().number(1, at).bytes(2, piece));
    }
  }
}

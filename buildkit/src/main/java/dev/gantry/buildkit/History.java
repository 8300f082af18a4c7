package dev.gantry.buildkit;

import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The last builds: `buildx history`, and what `--metadata-file` reads of the build that has just
/// ended. Each has a provenance (SLSA 0.2) that says how it was made. Kept while the engine runs.
final class History {
  private static final int STARTED = 0;
  private static final int COMPLETE = 1;
  private static final int DELETED = 2;
  private static final String PREDICATE = "https://slsa.dev/provenance/v0.2";
  private static final int PIECE = 32 << 10;

  private final Builds builds;

  History(Builds builds) {
    this.builds = builds;
  }

  // ---- records

  /// `ListenBuildHistory`: what there is, and unless the client wants no more, what comes.
  void listen(Message request, Call call) throws GrpcException, IOException {
    String ref = request.text(2);
    boolean active = request.flag(1);
    boolean failed = request.texts(4).stream().anyMatch(f -> f.contains("status==error"));
    long limit = request.number(5);
    Map<String, Integer> told = new HashMap<>();
    call.whenCancelled(builds::wake);
    long version = 0;
    while (true) {
      version = builds.version();
      List<OneBuild> all = builds.recorded();
      Set<String> here = new HashSet<>();
      long sent = 0;
      for (OneBuild build : all.reversed()) {
        int state = build.completed().isPresent() ? COMPLETE : STARTED;
        String id = build.request().ref();
        here.add(id);
        boolean wanted =
            (ref.isEmpty() || ref.equals(id))
                && (!active || state == STARTED)
                && (!failed || build.failure().isPresent())
                && (limit <= 0 || sent < limit);
        if (wanted && !Integer.valueOf(state).equals(told.put(id, state))) {
          sent++;
          call.send(event(state, record(build)));
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

  private static Message event(int type, Message record) {
    return new Message().number(1, type).message(2, record);
  }

  /// `UpdateBuildHistory`.
  void update(Message request) throws GrpcException {
    if (request.flag(3) && !builds.forget(request.text(1))) {
      throw new GrpcException(
          GrpcException.NOT_FOUND, "no build record " + request.text(1) + " that has ended");
    }
  }

  private Message record(OneBuild build) {
    SolveRequest request = build.request();
    Progress.Steps steps = build.progress().steps();
    Message record =
        new Message()
            .text(1, request.ref())
            .map(3, request.attributes())
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
    build.failure().ifPresent(e -> record.message(5, e.status()));
    build.completed().ifPresent(when -> record.time(7, when));
    byte[] provenance = build.provenance();
    if (build.completed().isPresent() && provenance.length > 0) {
      Message descriptor =
          new Message()
              .text(1, "application/vnd.in-toto+json")
              .text(2, Digest.of(provenance).toString())
              .number(3, provenance.length)
              .map(5, Map.of("in-toto.io/predicate-type", PREDICATE));
      record.message(10, new Message().message(2, descriptor));
    }
    return record;
  }

  // ---- content

  private byte[] content(String digest) throws GrpcException {
    Optional<byte[]> found =
        builds.recorded().stream()
            .map(OneBuild::provenance)
            .filter(p -> Digest.of(p).toString().equals(digest))
            .findFirst();
    return found.orElseThrow(
        () -> new GrpcException(GrpcException.NOT_FOUND, "content " + digest + ": not found"));
  }

  /// `Content.Info`.
  Message info(Message request) throws GrpcException {
    String digest = request.text(1);
    return new Message()
        .message(1, new Message().text(1, digest).number(2, content(digest).length));
  }

  /// `Content.Read`.
  void read(Message request, Call call) throws GrpcException, IOException {
    byte[] all = content(request.text(1));
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

package dev.gantry.bench;

import dev.gantry.kernel.NetNamespace;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/// Throughput and connections of containers' networks, the cost of a network at start, and a
/// thousand published ports, beside a dockerd. Both engines are in namespaces of their own, and the
/// same sockets of this program send and receive in the containers of both.
final class NetworkBench {
  private static final int PORTS = 1000;
  private static final String NETWORK = "bench" + ProcessHandle.current().pid();
  private static final int QUESTION = 'q';
  private static final int STARTS = 8;
  private static final int WARM_UP = 10;
  private static final int REST_MILLIS = 20;
  private static final int SLICES = 6;
  private static final long SLICE_NANOS = 250_000_000L;

  private final int rounds;
  private final Dockerd dockerd;

  /// An engine with two containers on one user network; the second publishes port 5000 as 15000.
  private record Pair(
      String name,
      int host,
      Api api,
      int first,
      int second,
      String address,
      String gateway,
      List<String> ids) {}

  NetworkBench(int rounds, Path tree) {
    this.rounds = rounds;
    this.dockerd = new Dockerd(tree, "netbench");
  }

  void run() throws Exception {
    Process namespace = new ProcessBuilder("unshare", "-n", "sleep", "100000").start();
    try {
      separated(namespace);
      inside(namespace.pid(), "ip", "link", "set", "lo", "up");
      Optional<Path> socket = dockerd.start();
      try (Engine engine = Engine.startIn(namespace.pid())) {
        engine.busybox();
        List<Pair> pairs = new ArrayList<>();
        pairs.add(pair("gantry", (int) namespace.pid(), new Api(engine.socket())));
        if (socket.isPresent()) {
          Api api = new Api(socket.get());
          api.importImage(Busybox.tar());
          Path pid = socket.get().resolveSibling("netbench.ns");
          pairs.add(pair("dockerd", Integer.parseInt(Files.readString(pid).strip()), api));
        }
        traffic(pairs);
        attaching(pairs);
        manyPorts(engine, pairs.getFirst().api());
        for (Pair pair : pairs) {
          for (String id : pair.ids()) {
            pair.api().remove(id);
          }
          pair.api().removeNetwork(NETWORK);
        }
      }
    } finally {
      namespace.destroyForcibly();
      dockerd.stop();
    }
  }

  private static void separated(Process process) throws IOException, InterruptedException {
    Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));
    while (Files.readSymbolicLink(Path.of("/proc/" + process.pid() + "/ns/net")).equals(own)) {
      Thread.sleep(1);
    }
  }

  private static void inside(long pid, String... words) {
    List<String> all = new ArrayList<>(List.of("nsenter", "-t", "" + pid, "-n", "--"));
    all.addAll(List.of(words));
    Command.of(all).run().succeeded();
  }

  private static Pair pair(String name, int host, Api api) throws IOException {
    api.createNetwork(NETWORK);
    String first = api.sleeper(NETWORK);
    String second = api.sleeper(NETWORK, "15000:5000/tcp");
    return new Pair(
        name,
        host,
        api,
        api.pid(first),
        api.pid(second),
        api.address(second, NETWORK),
        api.gateway(second, NETWORK),
        List.of(first, second));
  }

  /// Short slices in turn: the rest of the machine's work then meets both alike. The first of each
  /// is not counted, or the compiler would slow whoever comes first.
  private void traffic(List<Pair> pairs) throws Exception {
    Row between = new Row("container to container, one connection", "equal or better");
    Row betweenWork = new Row("its processor time, both ends", "equal or better");
    Row host = new Row("host to container", "equal or better");
    Row hostWork = new Row("its processor time, both ends", "equal or better");
    Row back = new Row("container to host", "equal or better");
    Row port = new Row("host to published port, by 127.0.0.1", "equal or better");
    Row connections =
        new Row("connections a second to a published port, each with an answer", "equal or better");
    List<Row> rows = List.of(between, betweenWork, host, hostWork, back, port, connections);
    pairs.forEach(pair -> rows.forEach(row -> row.in(pair.name())));
    List<AutoCloseable> servers = new ArrayList<>();
    for (Pair pair : pairs) {
      servers.add(serve(pair.second()));
      servers.add(serve(pair.host()));
    }
    for (int i = -2; i < SLICES * rounds; i++) {
      boolean counts = i >= 0;
      for (Pair pair : i % 2 == 0 ? pairs : pairs.reversed()) {
        String name = pair.name();
        Carried neighbour = throughput(pair.first(), pair.address(), 5000);
        Carried fromHost = throughput(pair.host(), pair.address(), 5000);
        Carried toHost = throughput(pair.first(), pair.gateway(), 5000);
        Carried published = throughput(pair.host(), "127.0.0.1", 15000);
        double made = connections(pair.host(), "127.0.0.1", 15000);
        if (counts) {
          between.value(name, neighbour.gigabits());
          betweenWork.value(name, neighbour.work());
          host.value(name, fromHost.gigabits());
          hostWork.value(name, fromHost.work());
          back.value(name, toHost.gigabits());
          port.value(name, published.gigabits());
          connections.value(name, made);
        }
      }
    }
    for (AutoCloseable server : servers) {
      server.close();
    }
    print(between, "Gbit/s");
    print(betweenWork, "ms/GB");
    print(host, "Gbit/s");
    print(hostWork, "ms/GB");
    print(back, "Gbit/s");
    print(port, "Gbit/s");
    print(connections, "/s");
  }

  /// Takes everything on port 5000 of a namespace.
  private static AutoCloseable serve(int pid) throws Exception {
    ServerSocket server = NetNamespace.of(pid, () -> new ServerSocket(5000, 512));
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              while (!server.isClosed()) {
                try {
                  Socket client = server.accept();
                  Thread.ofVirtual().start(() -> take(client));
                } catch (IOException e) {
                  return;
                }
              }
            });
    return server;
  }

  /// Answers a first byte [#QUESTION] with one byte; takes everything of others.
  private static void take(Socket client) {
    byte[] buffer = new byte[256 << 10];
    try (client) {
      InputStream in = client.getInputStream();
      if (in.read(buffer, 0, 1) == 1 && buffer[0] == QUESTION) {
        client.getOutputStream().write(QUESTION);
        return;
      }
      while (in.read(buffer) >= 0) {
        // only counted by the sender
      }
    } catch (IOException e) {
      return;
    }
  }

  /// What one slice carried.
  ///
  /// @param gigabits a second
  /// @param work this program's processor time, in milliseconds for each GB; the sender's system
  ///   time is the whole way to the receiver's socket
  private record Carried(double gigabits, double work) {}

  private static Carried throughput(int from, String address, int port) throws Exception {
    long self = ProcessHandle.current().pid();
    Callable<Carried> sending =
        () -> {
          try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), 5000);
            OutputStream out = socket.getOutputStream();
            byte[] block = new byte[256 << 10];
            long before = ProcessorTime.millis(self);
            long start = System.nanoTime();
            long sent = 0;
            while (System.nanoTime() - start < SLICE_NANOS) {
              out.write(block);
              sent += block.length;
            }
            double nanos = System.nanoTime() - start;
            return new Carried(
                sent * 8 / nanos, (ProcessorTime.millis(self) - before) * 1e9 / sent);
          }
        };
    return NetNamespace.of(from, sending);
  }

  /// Each with a byte there and back: a proxy on the way cannot answer for the container.
  private static double connections(int from, String address, int port) throws Exception {
    Callable<Double> connecting =
        () -> {
          long start = System.nanoTime();
          int count = 0;
          while (System.nanoTime() - start < SLICE_NANOS) {
            try (Socket socket = new Socket()) {
              socket.setSoLinger(true, 0);
              socket.setTcpNoDelay(true);
              socket.connect(new InetSocketAddress(address, port), 5000);
              socket.setSoTimeout(5000);
              socket.getOutputStream().write(QUESTION);
              count += socket.getInputStream().read() == QUESTION ? 1 : 0;
            } catch (IOException e) {
              continue; // a proxy on the way may give up: that is no connection
            }
          }
          return count * 1e9 / (System.nanoTime() - start);
        };
    return NetNamespace.of(from, connecting);
  }

  /// What a start takes longer with the default bridge, and with a user network, than with none.
  /// All take turns, so that a busy moment of the machine meets all of them.
  private void attaching(List<Pair> pairs) throws Exception {
    Row row = new Row("start of a created container, by its network", "");
    Row added = new Row("what a network adds to a start (difference of the medians)", "<= 2 ms");
    List<Candidate> candidates = new ArrayList<>();
    for (Pair pair : pairs) {
      for (String network : List.of("none", "bridge", NETWORK)) {
        candidates.add(new Candidate(pair, network));
        row.in(label(pair, network));
      }
    }
    for (int i = -WARM_UP; i < STARTS * rounds; i++) {
      // each comes after each other: what one leaves to be done would slow always the same next
      Collections.shuffle(candidates);
      for (Candidate candidate : candidates) {
        Api api = candidate.pair().api();
        String id = api.createSleeper(candidate.network());
        long start = System.nanoTime();
        api.start(id);
        long nanos = System.nanoTime() - start;
        if (i >= 0) {
          row.value(label(candidate.pair(), candidate.network()), nanos / 1e6);
        }
        api.remove(id);
        Thread.sleep(REST_MILLIS);
      }
    }
    Row fastest = new Row("the same of the fastest start of each", "<= 2 ms");
    for (Pair pair : pairs) {
      for (String network : List.of("bridge", NETWORK)) {
        String name = label(pair, network);
        fastest.value(name, row.fastest(name) - row.fastest(label(pair, "none")));
        added.value(name, row.median(name) - row.median(label(pair, "none")));
      }
    }
    print(row, "ms");
    print(added, "ms");
    print(fastest, "ms");
  }

  private record Candidate(Pair pair, String network) {}

  private static String label(Pair pair, String network) {
    return pair.name() + ", " + (network.equals(NETWORK) ? "user network" : network);
  }

  private void manyPorts(Engine engine, Api api) throws Exception {
    Row start = new Row("engine's start (process to first answer)", "<= 1 s more for 1,000 ports");
    Row work = new Row("its processor time until then", "");
    restarts(engine, "without them", start, work);
    String[] ports = new String[PORTS];
    for (int i = 0; i < PORTS; i++) {
      ports[i] = (20_000 + i) + ":" + (1000 + i) + "/tcp";
    }
    long none = processes(engine);
    String plain = api.sleeper(NETWORK);
    long one = processes(engine);
    String id = api.sleeper(NETWORK, ports);
    long two = processes(engine);
    api.remove(plain);
    restarts(engine, "with 1,000 published ports", start, work);
    print(start, "ms");
    print(work, "ms");
    System.out.println(
        "processes that 1,000 ports add to a container: " + (two - one - (one - none)));
    api.remove(id);
  }

  private void restarts(Engine engine, String name, Row start, Row work) throws IOException {
    for (int i = 0; i < rounds; i++) {
      engine.stop();
      long begin = System.nanoTime();
      engine.restart();
      start.value(name, (System.nanoTime() - begin) / 1e6);
      work.value(name, ProcessorTime.millis(engine.pid()));
    }
  }

  /// Processes in the engine's network namespace, or below the engine.
  private static long processes(Engine engine) throws IOException {
    String name = engine.name();
    try (var all = Files.list(Path.of("/proc"))) {
      return all.filter(p -> p.getFileName().toString().matches("\\d+"))
          .filter(
              p -> {
                try {
                  return Files.readString(p.resolve("cgroup")).contains("/" + name + "/")
                      || Files.readString(p.resolve("cmdline")).contains(name);
                } catch (IOException e) {
                  return false;
                }
              })
          .count();
    }
  }

  private static void print(Row row, String unit) {
    row.lines(unit).forEach(System.out::println);
    System.out.println();
  }
}

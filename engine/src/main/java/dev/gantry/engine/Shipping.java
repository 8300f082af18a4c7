package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.engine.shipping.LogDestination;
import dev.gantry.engine.shipping.LogDrivers;
import dev.gantry.engine.shipping.LogShipper;
import dev.gantry.engine.shipping.LogSource;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Sends a container's output on, where its log driver keeps it elsewhere.
final class Shipping {
  private static final long DRAIN_MILLIS = 3000;

  private Shipping() {}

  /// The destination of a container that is about to start, connected; a receiver that is not there
  /// fails the start as with Docker, unless the driver was told to connect later.
  static Optional<LogDestination> open(Container c) {
    ContainerSpec.Logging logging = c.spec().logging();
    if (!LogDrivers.ships(logging.driver())) {
      return Optional.empty();
    }
    try {
      LogDestination destination = LogDrivers.open(logging.driver(), logging.options(), source(c));
      if (!isPatient(logging.options())) {
        destination.connect();
      }
      return Optional.of(destination);
    } catch (IOException | Failure.InvalidRequest e) {
      String why =
          String.valueOf(e.getMessage()).replace("Connection refused", "connection refused");
      throw new Failure.Internal("failed to initialize logging driver: " + why, e);
    }
  }

  private static boolean isPatient(Map<String, String> options) {
    return options.getOrDefault("fluentd-async", "").toLowerCase(Locale.ROOT).matches("1|t|true")
        || options
            .getOrDefault("fluentd-async-connect", "")
            .toLowerCase(Locale.ROOT)
            .matches("1|t|true");
  }

  private static LogSource source(Container c) {
    Map<String, String> extra = new TreeMap<>(LogAttributes.of(c));
    extra.remove("tag");
    return new LogSource(
        c.id(),
        c.name(),
        c.spec().imageId(),
        c.spec().image(),
        String.join(" ", c.spec().command()),
        c.created(),
        LogAttributes.tag(c),
        extra);
  }

  /// Begins to ship the lines of a run.
  static void start(Container c, LogDestination destination) {
    begin(c, destination, !isPatient(c.spec().logging().options()));
  }

  /// Goes on where the engine before this one was; a container that has ended may have lines left.
  static void goOn(Container c) {
    ContainerSpec.Logging logging = c.spec().logging();
    if (LogDrivers.ships(logging.driver())) {
      begin(c, LogDrivers.open(logging.driver(), logging.options(), source(c)), false);
    }
  }

  private static void begin(Container c, LogDestination destination, boolean connected) {
    end(c);
    c.shipper(
        new LogShipper(
            Ids.shorten(c.id()),
            destination,
            connected,
            LogDrivers.room(c.spec().logging().options()),
            c.log(),
            c.folder().resolve("shipped"),
            () -> c.state() instanceof ContainerState.Live));
  }

  /// Waits a moment for what is on its way, and ends the shipping.
  static void end(Container c) {
    LogShipper shipper = c.shipper(null);
    if (shipper != null) {
      shipper.drain(DRAIN_MILLIS);
      shipper.close();
    }
  }
}

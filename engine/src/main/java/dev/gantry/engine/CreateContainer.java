package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.engine.shipping.LogDrivers;
import dev.gantry.store.Journal.Change;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Makes a container of a specification: its name, volumes, writable layer and record.
final class CreateContainer {
  private final Engine engine;

  CreateContainer(Engine engine) {
    this.engine = engine;
  }

  /// Makes a container that does not run yet. It is durable when this returns.
  Container create(ContainerSpec wanted, Optional<String> wantedName) {
    RuntimeSpecs.check(wanted.security());
    LogDrivers.check(wanted.logging().driver(), wanted.logging().options());
    String id = Ids.next();
    String name = engine.containers().reserve(wantedName, id);
    try {
      ContainerSpec spec =
          wanted.hostname().isEmpty() ? withHostname(wanted, RuntimeSpecs.hostname(id)) : wanted;
      List<Volumes.Fresh> fresh = new ArrayList<>();
      for (ContainerSpec.Mount m : spec.mounts()) {
        if (m.kind().equals("volume") && m.source().isEmpty()) {
          fresh.add(engine.volumes().anonymous(labels(m), options(m)));
        } else if (m.kind().equals("volume") && engine.volumes().find(m.source()).isEmpty()) {
          String volume = engine.volumes().create(m.source(), labels(m), options(m)).name();
          engine.events().publish("volume", "create", volume, Map.of("driver", "local"));
        }
      }
      engine.snapshots().create(id);
      mark(engine.snapshots().container(id).upper().resolve(".dockerenv"));
      Container c =
          new Container(
              id,
              name,
              Instant.now(),
              spec,
              new ContainerState.Created(0, ""),
              engine.options().dataRoot().resolve("containers").resolve(id),
              fresh.stream().map(Volumes.Fresh::name).toList());
      Files.createDirectories(c.folder());
      List<Change> made = new ArrayList<>(List.of(Change.put(Engine.TABLE, id, c.record())));
      fresh.forEach(volume -> made.add(volume.change()));
      engine.journal().note(made.toArray(Change[]::new));
      fresh.forEach(
          v -> engine.events().publish("volume", "create", v.name(), Map.of("driver", "local")));
      engine.containers().addReserved(c);
      engine.publish(c, "create", Map.of());
      return c;
    } catch (IOException e) {
      engine.containers().free(name, id);
      throw new Failure.Internal("could not create the container: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      engine.containers().free(name, id);
      throw e;
    }
  }

  private static ContainerSpec withHostname(ContainerSpec s, String hostname) {
    return s.with(json -> json.put("hostname", hostname));
  }

  /// By this file programs see that they are in a container.
  private static void mark(Path file) throws IOException {
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
  }

  private static @Nullable Map<String, String> labels(ContainerSpec.Mount m) {
    ContainerSpec.VolumeWish wish = m.volume();
    return wish == null ? null : wish.labels();
  }

  private static @Nullable Map<String, String> options(ContainerSpec.Mount m) {
    ContainerSpec.VolumeWish wish = m.volume();
    return wish == null ? null : wish.options();
  }
}

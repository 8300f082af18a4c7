package dev.gantry.server;

import dev.gantry.engine.Engine;
import dev.gantry.http.HttpServer;
import dev.gantry.http.Limits;
import dev.gantry.images.Transfers;
import dev.gantry.registryclient.Registries;
import dev.gantry.server.tracing.Tracing;
import java.util.function.Supplier;

/// The Docker Engine API over an engine: the routes of all nouns on one server.
public final class ApiServer {
  private ApiServer() {}

  /// A server that does not listen yet.
  public static HttpServer over(Engine engine, Supplier<ServerSettings> settings, Tracing tracing) {
    Router router = new Router(settings.get().version(), tracing);
    new CheckpointRoutes().addTo(router); // their paths are among those of containers too
    new ContainerRoutes(engine, settings).addTo(router);
    new ContainerFileRoutes(engine).addTo(router);
    new ContainerResourceRoutes(engine).addTo(router);
    new PortExplainRoutes(engine).addTo(router);
    new WhyRoutes(engine).addTo(router);
    new ExecRoutes(engine).addTo(router);
    Transfers transfers =
        new Transfers(
            engine.images(),
            new Registries(() -> settings.get().registries()),
            () -> settings.get().registries());
    RegistryRoutes registry = new RegistryRoutes(engine, transfers);
    registry.addTo(router);
    new ImageTransferRoutes(engine, registry).addTo(router);
    new AttestationRoutes(engine).addTo(router);
    new ImageRoutes(engine).addTo(router);
    BuildRoutes builds = new BuildRoutes(engine, transfers, settings);
    builds.addTo(router);
    new SystemRoutes(engine, settings, builds.disk()).addTo(router);
    new NetworkRoutes(engine).addTo(router);
    new VolumeRoutes(engine).addTo(router);
    new VolumeCopyRoutes(engine).addTo(router);
    return new HttpServer(router, Limits.PATIENT);
  }
}

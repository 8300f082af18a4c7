package dev.gantry.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// What a developer does on the first day: a Debian image from the machine's packages, a database
/// installed in it over the bridge's network, queries over `exec`; and, made an image, the database
/// of a program's tests with Testcontainers.
@ExtendWith(EngineExtension.class)
class PostgresIT {
  private static final String SERVER = "/usr/lib/postgresql/*/bin/";

  @Test
  void databaseInstalledInABootstrappedDebianAnswersQueries(Engine engine) {
    Needs.program("mmdebstrap");
    Needs.program("apt-get");
    engine
        .gantryCommand("image", "bootstrap", "debian:bookworm")
        .within(Duration.ofMinutes(8))
        .run()
        .succeeded();
    engine.docker("run", "-d", "--name", "db", "debian:bookworm", "sleep", "infinity").succeeded();
    engine
        .dockerCommand(
            "exec",
            "-e",
            "DEBIAN_FRONTEND=noninteractive",
            "db",
            "sh",
            "-c",
            "apt-get update && apt-get install -y --no-install-recommends postgresql")
        .within(Duration.ofMinutes(8))
        .run()
        .succeeded();
    engine.docker("exec", "db", "sh", "-c", "pg_ctlcluster $(ls /usr/lib/postgresql) main start");
    Eventually.within(
        Duration.ofSeconds(60),
        () -> engine.docker("exec", "db", "sh", "-c", "cat /var/log/postgresql/*").out(),
        () -> engine.docker("exec", "db", "sh", "-c", SERVER + "pg_isready").code() == 0);
    assertEquals("42\n", query(engine, "select 6 * 7"));
    assertEquals(
        "1001\n",
        engine
            .dockerCommand("exec", "-i", "-u", "postgres", "db", "psql", "-qAt")
            .input(
                "create table numbers (n int);"
                    + "insert into numbers select generate_series(0, 1000);"
                    + "select count(*) from numbers;")
            .run()
            .succeeded()
            .out());

    // the database neither notices a killed engine nor its next life
    String before = query(engine, "select pg_postmaster_start_time()");
    engine.kill();
    engine.restart();
    assertEquals(before, query(engine, "select pg_postmaster_start_time()"));
    assertEquals("500500\n", query(engine, "select sum(n) from numbers"));
    assertTrue(engine.docker("top", "db").succeeded().out().contains("checkpointer"));
    engine.docker("exec", "db", "rm", "-rf", "/var/lib/postgresql").succeeded();
    asImageForTestcontainers(engine);
  }

  /// Docker's usual image of PostgreSQL cannot be had where no registry is reached; one of the same
  /// manners is made of the container.
  private static void asImageForTestcontainers(Engine engine) {
    Path script = engine.folder().resolve("postgres-entry");
    try (var in = PostgresIT.class.getResourceAsStream("/postgres-entry")) {
      Files.copy(in, script);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    engine.docker("cp", script.toString(), "db:/usr/local/bin/entry").succeeded();
    engine.docker("exec", "db", "chmod", "755", "/usr/local/bin/entry").succeeded();
    engine
        .dockerCommand(
            "commit",
            "--change",
            "ENTRYPOINT [\"entry\"]",
            "--change",
            "CMD [\"postgres\"]",
            "--change",
            "EXPOSE 5432",
            "db",
            "local/postgres:15")
        .within(Duration.ofMinutes(4))
        .run()
        .succeeded();
    engine.docker("rm", "-f", "db").succeeded();
    String out = JavaClient.run(engine, PostgresProgram.class, "local/postgres:15");
    assertTrue(out.endsWith("all is well\n"), out);
  }

  private static String query(Engine engine, String sql) {
    return engine.docker("exec", "-u", "postgres", "db", "psql", "-Atc", sql).succeeded().out();
  }
}

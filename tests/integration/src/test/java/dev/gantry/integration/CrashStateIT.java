package dev.gantry.integration;

import dev.gantry.testkit.Engine;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Kills the engine with SIGKILL while containers with restart policies, health checks, volumes and
/// networks are made, changed and removed. After each restart everything is as it was acknowledged,
/// and the events tell what inspections say. A quarter as often as `gantry.crashes` says.
class CrashStateIT {
  private static final int OWNERS = 4;
  private static final int MOST_CHANGES = 24;

  private final long seed = Long.getLong("gantry.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private final Semaphore changes = new Semaphore(0);
  private final List<CrashOwner> owners = new ArrayList<>();
  private volatile boolean dying;

  @Test
  void whatWasAcknowledgedIsSoAfterEveryKill() throws Exception {
    int crashes = Math.max(3, Integer.getInteger("gantry.crashes", 50) / 4);
    System.out.println("CrashStateIT: " + crashes + " times, -Dgantry.seed=" + seed);
    try (Engine engine = Engine.startWithPool()) {
      engine.busybox();
      CrashEvents events = new CrashEvents(engine);
      for (int i = 0; i < OWNERS; i++) {
        Random own = new Random(seed + i);
        owners.add(new CrashOwner(engine, events, () -> dying, own, "o" + i + "-"));
      }
      owners.forEach(CrashOwner::prepare);
      CrashFixtures fixtures = new CrashFixtures(engine, events);
      fixtures.assertGoOn(0);
      for (int crash = 1; crash <= crashes; crash++) {
        fixtures.fail();
        if (crash % 3 == 0) {
          fixtures.turn();
        }
        work(engine, events);
        fixtures.strike();
        if (crash % 3 == 0) {
          // while it starts and takes containers up
          engine.launch();
          Thread.sleep(random.nextInt(0, 400));
          engine.kill();
        }
        engine.restart();
        dying = false;
        for (CrashOwner owner : owners) {
          owner.assertAsConfirmed(crash);
        }
        fixtures.assertGoOn(crash);
      }
      fixtures.assertTriedAsOftenAsWasSaid();
      owners.forEach(CrashOwner::clean);
      fixtures.clean();
      // what this one holds ready for the next starts goes with it
      engine.stop();
      engine.restart();
      CrashIT.assertNothingLeft(engine);
    }
  }

  /// Changes by all threads until a random number of them is done; then the engine is killed.
  private void work(Engine engine, CrashEvents events) throws Exception {
    int ignored = changes.drainPermits();
    try (ExecutorService pool = Executors.newFixedThreadPool(OWNERS + 1)) {
      List<Future<?>> work = new ArrayList<>();
      IntStream.range(0, OWNERS).forEach(i -> work.add(pool.submit(() -> change(owners.get(i)))));
      work.add(pool.submit(() -> follow(events)));
      int count = random.nextInt(1, MOST_CHANGES);
      boolean done = changes.tryAcquire(count, 60, TimeUnit.SECONDS);
      dying = true;
      engine.kill();
      for (Future<?> each : work) {
        each.get();
      }
      if (!done) {
        throw new AssertionError("the engine does not get on: " + engine.log());
      }
    }
  }

  private void change(CrashOwner owner) {
    try {
      while (!dying) {
        owner.change();
        changes.release();
      }
    } catch (CrashOwner.Cut e) {
      return; // what may be true now is noted
    }
  }

  private void follow(CrashEvents events) {
    while (!dying) {
      try {
        events.read();
        Thread.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException | AssertionError e) {
        if (!dying) {
          throw e;
        }
      }
    }
  }
}

/// What the tests that need a real engine share. Nothing here depends on the engine's classes: an
/// [Engine] is a `gantryd` process of the assembled distribution, spoken to as any client does.
///
/// ```java
/// @ExtendWith(EngineExtension.class)            // one engine per test class, leaks checked after it
/// class LogsIT {
///   @Test
///   void printsWhatTheContainerWrote(Engine engine) {
///     Outcome run = engine.docker("run", "--rm", engine.busybox(), "echo", "hi");
///     assertEquals("hi\n", run.succeeded().out());
///   }
/// }
/// ```
///
/// - [Needs] skips a test with a reason that the totals print: `Needs.root()`,
///   `Needs.dockerClient()`, `Needs.distribution()`.
/// - [Engine] starts, kills (`kill -9`) and restarts an engine on its own data root, run folder,
///   socket, bridge and cgroup parent, so several run side by side; `engine.docker(…)` runs the
///   real Docker CLI, `engine.gantry(…)` ours, `engine.request(…)` speaks plain HTTP.
/// - [Session] is a program on a pseudo-terminal: type, await text, resize.
/// - [Leaks] finds mounts, cgroups, links, processes and files that an engine left behind.
/// - [Command] runs any program with a deadline; [Eventually] waits for a condition.
package dev.gantry.testkit;

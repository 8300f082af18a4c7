package dev.gantry.kernel;

import java.lang.reflect.Proxy;

/// Signals to this JVM itself. The JDK has one interface for them, in its module jdk.unsupported;
/// javac warns of every mention of it, so it is reached by name.
public final class ProcessSignals {
  private ProcessSignals() {}

  /// Runs `action` on a thread of its own whenever the signal comes, in place of what the JVM did.
  ///
  /// @param name without SIG, such as `HUP`
  public static void on(String name, Runnable action) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object handle =
          Proxy.newProxyInstance(
              ProcessSignals.class.getClassLoader(),
              new Class<?>[] {handler},
              (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) {
                  action.run();
                }
                return null;
              });
      signal
          .getMethod("handle", signal, handler)
          .invoke(null, signal.getConstructor(String.class).newInstance(name), handle);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JDK cannot handle SIG" + name, e);
    }
  }
}

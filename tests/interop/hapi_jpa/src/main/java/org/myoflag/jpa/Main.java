package org.myoflag.jpa;

import ca.uhn.fhir.batch2.api.IJobMaintenanceService;
import ca.uhn.fhir.batch2.jobs.export.BulkDataExportProvider;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.interceptor.RequestValidatingInterceptor;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import ca.uhn.fhir.validation.IInstanceValidatorModule;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;
import java.net.InetSocketAddress;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.core.env.MapPropertySource;

/**
 * usage: Main [--port N] [--database FILE] [--validate]
 * A HAPI FHIR R4 JPA server on 127.0.0.1 with its data in memory, or in FILE. It says where it listens, as its only line of output, and
 * stops at SIGTERM. --validate: it refuses what its own validator finds wrong. HAPI as it comes goes on with an export once a minute,
 * and wants to be asked for it every two minutes: here both is a second.
 */
public final class Main {
  private record Options(int port, String database, boolean validate) {}

  private Main() {}

  private static Options parse(String[] arguments) {
    int port = 0;
    String database = "jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1";
    boolean validate = false;
    for (int at = 0; at < arguments.length; ++at) {
      switch (arguments[at]) {
        case "--port" -> port = Integer.parseInt(arguments[++at]);
        case "--database" -> database = "jdbc:h2:file:" + arguments[++at] + ";DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0";
        case "--validate" -> validate = true;
        default -> throw new IllegalArgumentException("unknown argument: " + arguments[at]);
      }
    }
    return new Options(port, database, validate);
  }

  private static AnnotationConfigApplicationContext storage(String database) {
    AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
    context.getEnvironment().getPropertySources().addFirst(new MapPropertySource("myoflag", Map.of("myoflag.database", database)));
    context.register(Storage.class);
    context.refresh();
    return context;
  }

  private static RequestValidatingInterceptor refuseInvalid(IInstanceValidatorModule validator) {
    RequestValidatingInterceptor interceptor = new RequestValidatingInterceptor();
    interceptor.setValidatorModules(List.of(validator));
    interceptor.setFailOnSeverity(ResultSeverityEnum.ERROR);
    return interceptor;
  }

  private static RestfulServer rest(ApplicationContext beans, boolean validate) {
    IFhirSystemDao<?, ?> system = beans.getBean(IFhirSystemDao.class);
    RestfulServer server = new RestfulServer(system.getContext());
    server.registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
    server.registerProvider(beans.getBean(IJpaSystemProvider.class));
    server.registerProvider(beans.getBean(BulkDataExportProvider.class));
    server.setServerConformanceProvider(new JpaCapabilityStatementProvider(server, system, beans.getBean(JpaStorageSettings.class),
        beans.getBean(ISearchParamRegistry.class), beans.getBean(IValidationSupport.class)));
    server.setPagingProvider(beans.getBean(DatabaseBackedPagingProvider.class));
    if (validate) {
      server.registerInterceptor(refuseInvalid(beans.getBean(IInstanceValidatorModule.class)));
    }
    return server;
  }

  private static final class Soon extends HttpServletResponseWrapper {
    Soon(HttpServletResponse response) {
      super(response);
    }

    @Override
    public void addHeader(String name, String value) {
      super.addHeader(name, name.equalsIgnoreCase("Retry-After") ? "1" : value);
    }
  }

  private static Server listen(RestfulServer rest, int port) throws Exception {
    ServletContextHandler handler = new ServletContextHandler("/");
    handler.addServlet(new ServletHolder(rest), "/fhir/*");
    Filter soon = (request, response, chain) -> chain.doFilter(request, new Soon((HttpServletResponse) response));
    handler.addFilter(new FilterHolder(soon), "/*", EnumSet.of(DispatcherType.REQUEST));
    Server server = new Server(new InetSocketAddress("127.0.0.1", port));
    server.setHandler(handler);
    server.start();
    return server;
  }

  private static ScheduledExecutorService work(ApplicationContext beans) {
    ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    clock.scheduleWithFixedDelay(beans.getBean(IJobMaintenanceService.class)::forceMaintenancePass, 1, 1, TimeUnit.SECONDS);
    return clock;
  }

  public static void main(String[] arguments) throws Exception {
    Options options = parse(arguments);
    AnnotationConfigApplicationContext beans = storage(options.database());
    Server server = listen(rest(beans, options.validate()), options.port());
    ScheduledExecutorService clock = work(beans);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(clock, server, beans)));
    System.out.println("http://127.0.0.1:" + ((ServerConnector) server.getConnectors()[0]).getLocalPort() + "/fhir");
    server.join();
  }

  private static void stop(ScheduledExecutorService clock, Server server, AnnotationConfigApplicationContext beans) {
    clock.shutdownNow();
    try {
      server.stop();
    } catch (Exception problem) {
      problem.printStackTrace();
    }
    beans.close();
  }
}

package org.myoflag.judge;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * usage: judge [--load FILE]... [--warnings] [--stats] [--distinct] [--threads N] [FILE|-]...
 *
 * <p>A FILE is a resource or Bundle (JSON or XML), or NDJSON (its name ends in .ndjson). "-" is NDJSON on standard
 * input. --distinct leaves out repeated entries of Bundles, see {@link Distinct}. One line for each error on standard output. Exit 0: no error; 1: errors; 2: wrong usage.
 */
public final class Main {
    private static final Pattern TYPE = Pattern.compile("\"resourceType\"\\s*:\\s*\"([A-Za-z]+)\"");
    private static final Pattern XML_RESOURCE = Pattern.compile("<([A-Z][A-Za-z]+)[^>]*xmlns=\"http://hl7.org/fhir\"|<resource>\\s*<([A-Z][A-Za-z]+)");

    private static final Pattern ENTRY = Pattern.compile("^Bundle\\.entry\\[(\\d+)\\]");

    private final Judge judge = new Judge();
    private final Distinct distinct;
    private final PrintStream out;
    private final ExecutorService workers;
    private final int threads;
    private final boolean warnings;
    private final Deque<Work> waiting = new ArrayDeque<>();
    private final Map<String, Integer> types = new TreeMap<>();
    private int inputs;
    private final Set<String> failed = new HashSet<>();
    private int errors;
    private int warned;

    private record Work(Distinct.Batch batch, Future<List<Judge.Finding>> findings) {}

    private Main(PrintStream out, int threads, boolean warnings, boolean distinct) {
        this.distinct = distinct ? new Distinct() : null;
        this.out = out;
        this.threads = threads;
        this.warnings = warnings;
        this.workers = Executors.newFixedThreadPool(threads);
    }

    public static void main(String[] args) throws Exception {
        System.exit(run(args, System.out, System.err));
    }

    static int run(String[] args, PrintStream out, PrintStream err) throws IOException, InterruptedException {
        List<String> loads = new ArrayList<>();
        List<String> files = new ArrayList<>();
        boolean warnings = false;
        boolean stats = false;
        boolean distinct = false;
        int threads = 2;
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--warnings" -> warnings = true;
                case "--stats" -> stats = true;
                case "--distinct" -> distinct = true;
                case "--load", "--threads" -> {
                    if (i + 1 == args.length || (args[i].equals("--threads") && !args[i + 1].matches("[1-9][0-9]?"))) {
                        return usage(err);
                    }
                    if (args[i].equals("--load")) {
                        loads.add(args[++i]);
                    } else {
                        threads = Integer.parseInt(args[++i]);
                    }
                }
                default -> {
                    if (args[i].startsWith("--")) {
                        return usage(err);
                    }
                    files.add(args[i]);
                }
            }
        }
        if (files.isEmpty()) {
            return usage(err);
        }
        Main main = new Main(out, threads, warnings, distinct);
        try {
            return main.all(loads, files, stats, err);
        } finally {
            main.workers.shutdownNow();
        }
    }

    private static int usage(PrintStream err) {
        err.println("usage: judge [--load FILE]... [--warnings] [--stats] [--distinct] [--threads N] [FILE|-]...");
        return 2;
    }

    private int all(List<String> loads, List<String> files, boolean stats, PrintStream err)
            throws IOException, InterruptedException {
        for (String file : loads) {
            try {
                judge.load(Files.readString(Path.of(file)));
            } catch (RuntimeException | IOException e) {
                err.println(file + ": cannot be loaded: " + e.getMessage());
                return 2;
            }
        }
        long begin = System.nanoTime();
        for (String file : files) {
            if (file.equals("-")) {
                lines(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), "-");
            } else if (!Files.isRegularFile(Path.of(file))) {
                err.println(file + ": no such file");
                return 2;
            } else if (file.endsWith(".ndjson")) {
                try (BufferedReader reader = Files.newBufferedReader(Path.of(file))) {
                    lines(reader, file);
                }
            } else {
                submit(file, Files.readString(Path.of(file)));
            }
        }
        if (distinct != null) {
            for (Distinct.Batch batch : distinct.rest()) {
                start(batch);
            }
        }
        while (!waiting.isEmpty()) {
            report(waiting.remove());
        }
        if (inputs == 0) {
            err.println("nothing to judge: the input is empty");
            return 2;
        }
        int resources = types.values().stream().mapToInt(Integer::intValue).sum();
        out.printf("%d inputs, %d resources, %d inputs with errors, %d errors, %d warnings%n", inputs, resources, failed.size(), errors, warned);
        if (stats) {
            double seconds = (System.nanoTime() - begin) / 1e9;
            out.printf("%.1f s, %.0f resources/s, %d threads%n", seconds, resources / seconds, threads);
            if (distinct != null) {
                out.printf("  %d entries left out: equal to one that was judged, but for UUIDs%n", distinct.skipped());
            }
            types.forEach((type, count) -> out.printf("  %-28s %d%n", type, count));
            judge.external().accepted().forEach((system, count) -> out.printf("  by form only: %s %d distinct questions%n", system, count.sum()));
        }
        return errors > 0 ? 1 : 0;
    }

    private void lines(BufferedReader reader, String name) throws IOException, InterruptedException {
        int number = 0;
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            number++;
            if (!line.isBlank()) {
                submit(name + ":" + number, line);
            }
        }
    }

    private void submit(String name, String text) throws InterruptedException {
        inputs++;
        count(text);
        if (distinct == null) {
            start(new Distinct.Batch(name, text, null));
            return;
        }
        for (Distinct.Batch batch : distinct.take(name, text)) {
            start(batch);
        }
    }

    private void start(Distinct.Batch batch) throws InterruptedException {
        waiting.add(new Work(batch, workers.submit(() -> judge.judge(batch.text()))));
        // Reports come in the order of the input, and only so many inputs are held in memory.
        while (waiting.size() > 8 * threads) {
            report(waiting.remove());
        }
    }

    private void count(String text) {
        boolean xml = Judge.isXml(text);
        Matcher m = (xml ? XML_RESOURCE : TYPE).matcher(text);
        while (m.find()) {
            types.merge(m.group(1) != null ? m.group(1) : m.group(2), 1, Integer::sum);
        }
    }

    private void report(Work work) throws InterruptedException {
        List<Judge.Finding> findings;
        try {
            findings = work.findings().get();
        } catch (ExecutionException e) {
            findings = List.of(new Judge.Finding(true, "$", "the validator failed: " + e.getCause(), null));
        }
        for (Judge.Finding finding : findings) {
            if (finding.isError()) {
                errors++;
            } else {
                warned++;
            }
            String[] place = place(work.batch(), finding.location());
            if (finding.isError()) {
                failed.add(place[0]);
            }
            if (finding.isError() || warnings) {
                out.println(place[0] + ": " + new Judge.Finding(finding.isError(), place[1], finding.text(), finding.id()));
            }
        }
    }

    /** The input and the place in it, also where several inputs were judged together. */
    private static String[] place(Distinct.Batch batch, String location) {
        Matcher m = ENTRY.matcher(location);
        if (batch.origin() == null || !m.find()) {
            return new String[] {batch.name(), location};
        }
        Distinct.Origin origin = batch.origin().get(Integer.parseInt(m.group(1)));
        return new String[] {origin.name(), "Bundle.entry[" + origin.index() + "]" + location.substring(m.end())};
    }
}

package org.myoflag.judge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command: exit codes, places, and that leaving out repeated entries loses no error. */
class MainTest {
    @TempDir
    Path folder;

    private record Outcome(int exit, String out, String err) {}

    private Outcome run(String... args) throws IOException, InterruptedException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int exit = Main.run(args, new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8));
        return new Outcome(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    private String file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text).toString();
    }

    /** A Bundle of two findings and a panel over them, its UUIDs new each time. */
    private static String bundle(String status, String note) {
        String a = "urn:uuid:" + UUID.randomUUID();
        String b = "urn:uuid:" + UUID.randomUUID();
        String entry = "{\"fullUrl\":\"%s\",\"resource\":%s,\"request\":{\"method\":\"POST\",\"url\":\"Observation\"}}";
        String finding = "{\"resourceType\":\"Observation\",\"status\":\"%s\",\"code\":{\"text\":\"%s\"}}";
        String panel = "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"p %s\"},\"hasMember\":[{\"reference\":\"%s\"},{\"reference\":\"%s\"}]}";
        return "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
                + entry.formatted(a, finding.formatted("final", "a")) + "," + entry.formatted(b, finding.formatted(status, "b")) + ","
                + entry.formatted("urn:uuid:" + UUID.randomUUID(), panel.formatted(note, a, b)) + "]}";
    }

    @Test
    void ErrorsAreLocatedAndGiveExitOne() throws Exception {
        String bad = file("bad.ndjson", JudgeTest.OBSERVATION.replace("\n", " ").replace("https://t.example/cs", "http://snomed.info/sct").replace("\"calf\",\"display\":\"Calf\"", "\"373066001\"")
                + "\n\n{\"resourceType\":\"Observation\",\"code\":{\"text\":\"a\"}}\n");
        Outcome outcome = run("--stats", bad);
        assertEquals(1, outcome.exit(), outcome.out());
        assertTrue(outcome.out().contains("bad.ndjson:3: error: Observation"), outcome.out());
        assertTrue(outcome.out().contains("2 inputs, 2 resources, 1 inputs with errors, 1 errors"), outcome.out());
    }

    @Test
    void SoundInputGivesExitZero() throws Exception {
        assertEquals(0, run(file("a.json", bundle("final", "1"))).exit());
    }

    @Test
    void WrongUsageOrMissingFilesGiveExitTwo() throws Exception {
        assertEquals(2, run().exit());
        assertEquals(2, run("--unknown", "x").exit());
        assertEquals(2, run("--load").exit());
        assertEquals(2, run(folder.resolve("none.json").toString()).exit());
        assertEquals(2, run("--load", file("p.json", "{\"resourceType\":\"Patient\"}"), file("a.json", bundle("final", "1"))).exit());
        assertEquals(2, run(file("empty.ndjson", "\n")).exit());
    }

    @Test
    void RepeatedEntriesAreLeftOutAndEveryPlantedErrorIsStillFoundInItsOwnBundle() throws Exception {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 250; i++) {
            lines.add(bundle("final", Integer.toString(i % 7)));
        }
        lines.set(42, bundle("fnal", "0"));
        lines.set(143, lines.get(143).replaceFirst("\"reference\":\"urn:uuid:[0-9a-f]{8}", "\"reference\":\"urn:uuid:00000000"));
        lines.set(201, lines.get(201).replace("\"type\":\"transaction\"", "\"type\":\"collection\""));
        lines.set(222, lines.get(222).substring(0, 100));
        String input = file("many.ndjson", String.join("\n", lines));
        Outcome outcome = run("--distinct", "--stats", input);
        assertEquals(1, outcome.exit());
        assertTrue(outcome.out().contains("many.ndjson:43: error: Bundle.entry[1].resource"), outcome.out());
        assertTrue(outcome.out().contains("many.ndjson:144: error: Bundle.entry[2].resource"), outcome.out());
        assertTrue(outcome.out().contains("many.ndjson:202: error: Bundle"), outcome.out());
        assertTrue(outcome.out().contains("many.ndjson:223: error: $"), outcome.out());
        assertTrue(outcome.out().contains("250 inputs, "), outcome.out());
        assertTrue(outcome.out().contains(" 4 inputs with errors"), outcome.out());
        assertTrue(outcome.out().matches("(?s).*\\b7[0-9]{2} entries left out.*"), outcome.out());
    }

    @Test
    void EntriesThatAllBundlesShareAndReferencesToTheWrongTypeInALongListAreNoObstacle() throws Exception {
        String device = "{\"fullUrl\":\"urn:uuid:" + UUID.randomUUID() + "\",\"resource\":{\"resourceType\":\"Device\",\"status\":\"active\"},"
                + "\"request\":{\"method\":\"POST\",\"url\":\"Device\"}}";
        String url = device.substring(12, 12 + 45);
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 90; i++) {
            lines.add(bundle("final", "1").replace("\"entry\":[", "\"entry\":[" + device + ","));
        }
        lines.set(70, lines.get(70).replace("\"hasMember\":[", "\"hasMember\":[{\"reference\":\"" + url + "\"},"));
        Outcome outcome = run("--distinct", "--stats", file("many.ndjson", String.join("\n", lines)));
        assertTrue(outcome.out().contains("many.ndjson:71: error: Bundle.entry[3].resource"), outcome.out());
        assertTrue(outcome.out().contains(" 1 inputs with errors"), outcome.out());
        assertTrue(outcome.out().matches("(?s).*\\b35[0-9] entries left out.*"), outcome.out());
    }

    @Test
    void WithoutErrorsTheShortWayPassesToo() throws Exception {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 120; i++) {
            lines.add(bundle("final", "1"));
        }
        Outcome outcome = run("--distinct", file("many.ndjson", String.join("\n", lines)));
        assertEquals(0, outcome.exit(), outcome.out());
    }
}

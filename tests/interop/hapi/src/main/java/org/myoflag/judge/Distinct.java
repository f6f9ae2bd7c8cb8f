package org.myoflag.judge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes judging many similar Bundles affordable. Ten thousand responses give over a million resources, most of which
 * differ in nothing but their UUIDs; a verdict does not depend on the digits of a UUID. So, of Bundles that have the same
 * head (everything but their entries):
 *
 * <ul>
 *   <li>the first, and then every hundredth, is judged whole and untouched;
 *   <li>of the others, entries that equal one already taken, but for their UUIDs, are left out. Two entries are equal
 *       only when also the targets of their references have the same types; lists of references into the Bundle count
 *       as the set of their types. An entry that is left out but referred to
 *       is replaced by the smallest valid resource of its type, so that references and their types stay checked;
 *   <li>of the entries that stay, long lists of references into the Bundle are cut to the first two of each type;
 *   <li>a QuestionnaireResponse that stays is held against its Questionnaire in every tenth Bundle only, because HAPI
 *       takes a quarter of a second for it; it is the input as it came, and the other judge does it for each;
 *   <li>what is left of several Bundles is judged together, and findings are given the place in their own Bundle.
 * </ul>
 *
 * <p>An entry that refers to a UUID which its Bundle does not contain is never left out.
 */
final class Distinct {
    /** Text to judge; {@code origin} gives for each entry its input and its index there, or is null for an untouched input. */
    record Batch(String name, String text, List<Origin> origin) {}

    record Origin(String name, int index) {}

    static final int WHOLE_EVERY = 100;
    private static final String REFERENCE = "\"reference\":\"urn:uuid:";
    private static final int FORM_EVERY = 10;
    private static final int BATCH_ENTRIES = 600;
    private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    /** The smallest valid resource of the types that our Bundles refer to; other types are kept as they are. */
    private static final Map<String, String> SMALLEST = Map.of(
            "Observation", "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"-\"}}",
            "ServiceRequest", "{\"resourceType\":\"ServiceRequest\",\"status\":\"draft\",\"intent\":\"proposal\",\"subject\":{\"display\":\"-\"}}",
            "Patient", "{\"resourceType\":\"Patient\",\"active\":true}",
            "Device", "{\"resourceType\":\"Device\",\"status\":\"active\"}");

    private final ObjectMapper mapper = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();
    private final Map<String, Integer> heads = new HashMap<>();
    private final Set<String> seen = new HashSet<>();  // digests
    private final Map<String, Pending> pending = new HashMap<>();
    private int skipped;

    private static final class Pending {
        private final ObjectNode bundle;
        private final ArrayNode entries;
        private final List<Origin> origin = new ArrayList<>();
        private final Map<String, JsonNode> byUrl = new HashMap<>();

        Pending(ObjectNode head) {
            bundle = head.deepCopy();
            entries = bundle.putArray("entry");
        }
    }

    /** How many entries were left out so far. */
    int skipped() {
        return skipped;
    }

    /** What can be judged now; the rest waits for more, or for {@link #rest}. */
    List<Batch> take(String name, String text) {
        ObjectNode bundle = bundleOf(text);
        if (bundle == null) {
            return List.of(new Batch(name, text, null));
        }
        ArrayNode entries = (ArrayNode) bundle.remove("entry");
        String head = abstracted(bundle, Map.of());
        int count = heads.merge(head, 1, Integer::sum);
        Map<String, String> types = typesByUuid(entries);
        if (count % WHOLE_EVERY == 1) {
            entries.forEach(entry -> seen.add(digest(head + abstracted(entry, types))));
            return List.of(new Batch(name, text, null));
        }
        Pending group = pending.computeIfAbsent(head, h -> new Pending(bundle));
        List<Batch> ready = new ArrayList<>();
        if (!collect(group, head, name, entries, types, count % FORM_EVERY == 0)) {
            return List.of(new Batch(name, text, null));
        }
        if (group.entries.size() >= BATCH_ENTRIES) {
            ready.add(close(group));
            pending.remove(head);
        }
        return ready;
    }

    List<Batch> rest() {
        List<Batch> ready = new ArrayList<>();
        pending.values().stream().filter(group -> !group.entries.isEmpty()).map(Distinct::close).forEach(ready::add);
        pending.clear();
        return ready;
    }

    private ObjectNode bundleOf(String text) {
        try {
            JsonNode node = mapper.readTree(text);
            boolean usable = node instanceof ObjectNode && node.path("resourceType").asText().equals("Bundle")
                    && node.path("entry").isArray() && !node.path("entry").isEmpty();
            if (usable) {
                for (JsonNode entry : node.get("entry")) {
                    usable &= entry.path("fullUrl").isTextual() && entry.path("resource").isObject();
                }
            }
            return usable ? (ObjectNode) node : null;
        } catch (JsonProcessingException e) {
            return null;  // judged as it is: the validator says what is wrong
        }
    }

    /** False when the entries cannot go beside those already in the group: an address would be there twice. */
    private boolean collect(Pending group, String head, String name, ArrayNode entries, Map<String, String> types,
            boolean withForm) {
        Set<String> urls = new LinkedHashSet<>();
        Map<Integer, JsonNode> kept = new HashMap<>();
        Set<String> wanted = new HashSet<>();
        Set<String> keys = new HashSet<>();
        for (int i = 0; i < entries.size(); i++) {
            JsonNode entry = entries.get(i);
            if (!urls.add(entry.get("fullUrl").asText())) {
                return false;
            }
            String text = abstracted(entry, types);
            String key = digest(head + text);
            boolean isNew = keys.add(key) && !seen.contains(key);
            if (isNew || text.contains("#dangling")) {
                JsonNode stays = entry.deepCopy();
                cut(stays, types);
                if (!withForm && stays.get("resource").path("resourceType").asText().equals("QuestionnaireResponse")) {
                    ((ObjectNode) stays.get("resource")).remove("questionnaire");
                }
                kept.put(i, stays);
                Matcher m = UUID.matcher(stays.get("resource").toString());
                while (m.find()) {
                    wanted.add(m.group());
                }
            }
        }
        // Bundles may share an entry word for word (the same Device): it stands in the group once.
        for (JsonNode entry : entries) {
            JsonNode there = group.byUrl.get(entry.get("fullUrl").asText());
            if (there != null && !there.equals(entry)) {
                return false;
            }
        }
        for (int i = 0; i < entries.size(); i++) {
            JsonNode entry = kept.get(i);
            String url = entries.get(i).get("fullUrl").asText();
            if (group.byUrl.containsKey(url)) {
                skipped++;
                continue;
            }
            if (entry == null) {
                skipped++;
                if (!wanted.contains(uuidIn(url))) {
                    continue;
                }
                entry = smallest(entries.get(i));
            }
            group.entries.add(entry);
            group.origin.add(new Origin(name, i));
            group.byUrl.put(url, entries.get(i));
        }
        seen.addAll(keys);
        return true;
    }

    private JsonNode smallest(JsonNode entry) {
        String small = SMALLEST.get(entry.get("resource").path("resourceType").asText());
        if (small == null) {
            return entry;
        }
        try {
            ObjectNode copy = entry.deepCopy();
            copy.set("resource", mapper.readTree(small));
            return copy;
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Stands for a text in a million of them: the texts themselves would take gigabytes. */
    private static String digest(String text) {
        try {
            byte[] bytes = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return new String(bytes, StandardCharsets.ISO_8859_1);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Batch close(Pending group) {
        return new Batch(group.origin.get(0).name() + " and others", group.bundle.toString(), List.copyOf(group.origin));
    }

    private static String uuidIn(String text) {
        Matcher m = UUID.matcher(text);
        return m.find() ? m.group() : text;
    }

    private static Map<String, String> typesByUuid(ArrayNode entries) {
        Map<String, String> types = new HashMap<>();
        for (JsonNode entry : entries) {
            types.put(uuidIn(entry.get("fullUrl").asText()), entry.get("resource").path("resourceType").asText());
        }
        return types;
    }

    /**
     * The text with every UUID replaced by its order of appearance and the type that it stands for in the Bundle. A list
     * of nothing but references into the Bundle is replaced by the set of their types: a verdict depends neither on
     * their number, which is not limited where there is a list, nor on their order.
     */
    private static String abstracted(JsonNode node, Map<String, String> types) {
        Map<String, Integer> order = new HashMap<>();
        JsonNode copy = node.deepCopy();
        shorten(copy, types);
        String text = copy.toString();
        return UUID.matcher(text).replaceAll(m -> {
            int place = order.computeIfAbsent(m.group(), u -> order.size());
            String type = types.get(m.group());
            // Only "reference" points into the Bundle; identifiers are UUIDs of their own.
            boolean isReference = text.startsWith(REFERENCE, Math.max(0, m.start() - REFERENCE.length()));
            return place + (type != null ? "#" + type : isReference ? "#dangling" : "#");
        });
    }

    /** The type in the Bundle that this is a mere reference to, or null. */
    private static String target(JsonNode element, Map<String, String> types) {
        String reference = element.path("reference").asText();
        return element.size() == 1 && reference.startsWith("urn:uuid:") ? types.get(uuidIn(reference)) : null;
    }

    private static void cut(JsonNode node, Map<String, String> types) {
        if (node instanceof ArrayNode array) {
            Map<String, Integer> counts = new HashMap<>();
            for (int i = 0; i < array.size(); i++) {
                String type = target(array.get(i), types);
                if (type != null && counts.merge(type, 1, Integer::sum) > 2) {
                    array.remove(i--);
                }
            }
        }
        node.forEach(child -> cut(child, types));
    }

    private static void shorten(JsonNode node, Map<String, String> types) {
        if (node instanceof ArrayNode array && !array.isEmpty()) {
            Set<String> targets = new TreeSet<>();
            for (JsonNode element : array) {
                String type = target(element, types);
                if (type == null) {
                    targets.clear();
                    break;
                }
                targets.add(type);
            }
            if (!targets.isEmpty()) {
                array.removeAll();
                array.add("#references to " + targets);
                return;
            }
        }
        node.forEach(child -> shorten(child, types));
    }
}

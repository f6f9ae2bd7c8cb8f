package org.myoflag.judge;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Every system and code in a resource, whatever its binding. HAPI asks nothing about a code of a system that it does not
 * have where the binding is an example, or absent, and that is most of our codes: a misspelt system or a mistyped
 * SNOMED CT code would pass. Here a system must be known (R4, loaded, or external), and an external code well formed.
 */
final class Codings {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final IValidationSupport chain;
    private final ExternalCodes external;
    private final Map<String, Boolean> known = new ConcurrentHashMap<>();

    Codings(IValidationSupport chain, ExternalCodes external) {
        this.chain = chain;
        this.external = external;
    }

    void check(String json, List<Judge.Finding> findings) throws JsonProcessingException {
        JsonNode root = MAPPER.readTree(json);
        walk(root, root.path("resourceType").asText("$"), findings);
    }

    private void walk(JsonNode node, String place, List<Judge.Finding> findings) {
        if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                walk(node.get(i), place + "[" + i + "]", findings);
            }
        } else if (node.isObject()) {
            if (node.path("system").isTextual() && node.path("code").isTextual()) {
                pair(node.get("system").asText(), node.get("code").asText(), place, findings);
            }
            boolean isMeta = place.endsWith(".meta");
            node.properties().forEach(member -> {
                // A tag is a label of its sender, in a namespace of its sender.
                if (!(isMeta && member.getKey().equals("tag"))) {
                    walk(member.getValue(), place + "." + member.getKey(), findings);
                }
            });
        }
    }

    private void pair(String system, String code, String place, List<Judge.Finding> findings) {
        if (!known.computeIfAbsent(system, this::isKnown)) {
            findings.add(new Judge.Finding(true, place + ".system", "unknown code system '" + system + "'", "judge-system"));
        } else if (external.isCodeSystemSupported(null, system)) {
            IValidationSupport.CodeValidationResult result = external.validateCode(null, null, system, code, null, null);
            if (!result.isOk()) {
                findings.add(new Judge.Finding(true, place + ".code", result.getMessage(), "judge-code"));
            }
        }
    }

    private boolean isKnown(String system) {
        return external.isCodeSystemSupported(null, system) || chain.fetchCodeSystem(system) != null
                || chain.isCodeSystemSupported(new ValidationSupportContext(chain), system);
    }
}

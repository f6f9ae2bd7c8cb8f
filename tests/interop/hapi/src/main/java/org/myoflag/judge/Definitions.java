package org.myoflag.judge;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CodeSystem;
import org.hl7.fhir.r4.model.MetadataResource;
import org.hl7.fhir.r4.model.StructureDefinition;
import org.hl7.fhir.r4.model.ValueSet;

/** Our own Questionnaires, CodeSystems, ValueSets and StructureDefinitions, found by canonical address, with or without version. */
final class Definitions implements IValidationSupport {
    private final FhirContext context;
    private final Map<String, MetadataResource> byUrl = new HashMap<>();

    Definitions(FhirContext context) {
        this.context = context;
    }

    /** Takes a definition, or a Bundle of them. Throws IllegalArgumentException for what has no canonical address. */
    void add(IBaseResource resource) {
        if (resource instanceof Bundle bundle) {
            bundle.getEntry().forEach(entry -> add(entry.getResource()));
        } else if (resource instanceof MetadataResource definition && definition.hasUrl()) {
            put(definition.getUrl(), definition);
            if (definition.hasVersion()) {
                put(definition.getUrl() + "|" + definition.getVersion(), definition);
            }
        } else {
            throw new IllegalArgumentException("not a definition with a canonical address: " + resource.fhirType());
        }
        // A Questionnaire may carry its value sets.
        if (resource instanceof MetadataResource definition) {
            definition.getContained().stream()
                    .filter(MetadataResource.class::isInstance)
                    .filter(inner -> ((MetadataResource) inner).hasUrl())
                    .forEach(this::add);
        }
    }

    private void put(String url, MetadataResource definition) {
        byUrl.put(definition.fhirType() + " " + url, definition);
    }

    private <T extends IBaseResource> T find(Class<T> type, String url) {
        String name = type.getSimpleName();
        IBaseResource found = url == null ? null : byUrl.get(name + " " + url);
        return type.isInstance(found) ? type.cast(found) : null;
    }

    @Override
    public FhirContext getFhirContext() {
        return context;
    }

    @Override
    public String getName() {
        return "definitions given with --load";
    }

    @Override
    public <T extends IBaseResource> T fetchResource(Class<T> type, String url) {
        if (type == null || type.isInterface() || type == IBaseResource.class) {
            for (MetadataResource any : byUrl.values()) {
                if (any.getUrl().equals(url) && (type == null || type.isInstance(any))) {
                    @SuppressWarnings("unchecked")
                    T match = (T) any;
                    return match;
                }
            }
            return null;
        }
        return find(type, url);
    }

    @Override
    public IBaseResource fetchCodeSystem(String url) {
        return find(CodeSystem.class, url);
    }

    @Override
    public IBaseResource fetchValueSet(String url) {
        return find(ValueSet.class, url);
    }

    @Override
    public IBaseResource fetchStructureDefinition(String url) {
        return find(StructureDefinition.class, url);
    }

    @Override
    public <T extends IBaseResource> List<T> fetchAllStructureDefinitions() {
        List<T> all = new ArrayList<>();
        for (MetadataResource any : byUrl.values()) {
            if (any instanceof StructureDefinition && !all.contains(any)) {
                @SuppressWarnings("unchecked")
                T match = (T) any;
                all.add(match);
            }
        }
        return all;
    }

    @Override
    public List<IBaseResource> fetchAllConformanceResources() {
        return new ArrayList<>(new java.util.LinkedHashSet<>(byUrl.values()));
    }
}

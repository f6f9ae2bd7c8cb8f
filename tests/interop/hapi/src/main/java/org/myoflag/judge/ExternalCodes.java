package org.myoflag.judge;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Predicate;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.ValueSet;

/**
 * The large code systems whose content is not at hand here: SNOMED CT, LOINC, RxNorm, ATC and ICD-10(-CM).
 *
 * <p>What it accepts: a code of exactly these systems whose form is right (SNOMED CT: 6 to 18 digits, partition of a
 * concept, Verhoeff check digit; LOINC: mod 10 check digit; RxNorm: digits; ATC and ICD-10: their pattern). What it
 * refuses: a code of these systems whose form is wrong. What it cannot see: a well-formed code that does not exist, a
 * display text that differs, and an inactive code.
 *
 * <p>What it leaves alone: every other system (an unknown one is an error, see {@link Codings}), and every value set
 * that does not list its codes. A value set that lists codes of these systems is decided here, both ways, because HAPI
 * cannot expand it without the system's content.
 */
final class ExternalCodes implements IValidationSupport {
    static final Map<String, Predicate<String>> SYSTEMS = Map.of(
            "http://snomed.info/sct", ExternalCodes::isSnomedConcept,
            "http://loinc.org", ExternalCodes::isLoinc,
            "http://www.nlm.nih.gov/research/umls/rxnorm", code -> code.matches("[1-9][0-9]{0,7}"),
            "http://www.whocc.no/atc", code -> code.matches("[A-DGHJL-NPRSV]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?"),
            "http://hl7.org/fhir/sid/icd-10", code -> code.matches("[A-Z][0-9]{2}(\\.[0-9]{1,2})?"),
            "http://hl7.org/fhir/sid/icd-10-cm", code -> code.matches("[A-Z][0-9][0-9A-Z](\\.[0-9A-Z]{1,4})?"));

    private final FhirContext context;
    private final Map<String, LongAdder> accepted = new ConcurrentHashMap<>();

    ExternalCodes(FhirContext context) {
        this.context = context;
    }

    /** How many questions about each system were answered with yes; HAPI asks once for codes it remembers. */
    Map<String, LongAdder> accepted() {
        return accepted;
    }

    @Override
    public FhirContext getFhirContext() {
        return context;
    }

    @Override
    public String getName() {
        return "codes of external systems, by their form";
    }

    @Override
    public boolean isCodeSystemSupported(ValidationSupportContext root, String system) {
        return system != null && SYSTEMS.containsKey(system);
    }

    @Override
    public CodeValidationResult validateCode(ValidationSupportContext root, ConceptValidationOptions options, String system,
            String code, String display, String valueSetUrl) {
        Predicate<String> form = system == null ? null : SYSTEMS.get(system);
        if (form == null || code == null) {
            return null;
        }
        if (valueSetUrl != null && !valueSetUrl.isBlank()) {
            IBaseResource valueSet = root.getRootValidationSupport().fetchValueSet(valueSetUrl);
            return valueSet == null ? null : validateCodeInValueSet(root, options, system, code, display, valueSet);
        }
        if (!form.test(code)) {
            return new CodeValidationResult()
                    .setSeverity(IssueSeverity.ERROR)
                    .setMessage("'" + code + "' cannot be a code of " + system + ": its form or check digit is wrong");
        }
        accepted.computeIfAbsent(system, s -> new LongAdder()).increment();
        return new CodeValidationResult().setCode(code).setCodeSystemName(system).setDisplay(display);
    }

    @Override
    public boolean isValueSetSupported(ValidationSupportContext root, String url) {
        return url != null && root.getRootValidationSupport().fetchValueSet(url) instanceof ValueSet valueSet
                && valueSet.getCompose().getInclude().stream().anyMatch(i -> i.hasConcept() && SYSTEMS.containsKey(i.getSystem()));
    }

    /** Decides only for value sets that list their codes; anything computed is left to others, that is, undecided. */
    @Override
    public CodeValidationResult validateCodeInValueSet(ValidationSupportContext root, ConceptValidationOptions options,
            String system, String code, String display, IBaseResource resource) {
        if (!(resource instanceof ValueSet valueSet) || !SYSTEMS.containsKey(String.valueOf(system)) || code == null
                || valueSet.getCompose().hasExclude() || !valueSet.getCompose().hasInclude()) {
            return null;
        }
        boolean listed = false;
        for (ValueSet.ConceptSetComponent include : valueSet.getCompose().getInclude()) {
            boolean isOfSystem = system.equals(include.getSystem());
            if (include.hasFilter() || include.hasValueSet() || (isOfSystem && !include.hasConcept())) {
                return null;
            }
            listed |= isOfSystem && include.getConcept().stream().anyMatch(concept -> concept.getCode().equals(code));
        }
        CodeValidationResult form = validateCode(root, options, system, code, display, null);
        if (!form.isOk() || listed) {
            return form;
        }
        return new CodeValidationResult()
                .setSeverity(IssueSeverity.ERROR)
                .setMessage("'" + code + "' of " + system + " is not in the value set " + valueSet.getUrl());
    }

    private static final int[][] VERHOEFF_PRODUCT = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
        {3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
        {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
        {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
    private static final int[][] VERHOEFF_PERMUTATION = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
        {8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
        {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};

    static boolean isSnomedConcept(String code) {
        if (!code.matches("[1-9][0-9]{5,17}") || !code.matches(".*[01]0[0-9]$")) {
            return false;
        }
        int check = 0;
        for (int i = 0; i < code.length(); i++) {
            int digit = code.charAt(code.length() - 1 - i) - '0';
            check = VERHOEFF_PRODUCT[check][VERHOEFF_PERMUTATION[i % 8][digit]];
        }
        return check == 0;
    }

    static boolean isLoinc(String code) {
        if (!code.matches("(LA|LP|LL|LG|MTHU)?[1-9][0-9]{0,6}-[0-9]")) {
            return false;
        }
        // Luhn's formula; the letters of answer codes (LA) and parts (LP) count by their place after '0' in ASCII.
        int sum = 0;
        int length = code.length() - 2;
        for (int i = 0; i < length; i++) {
            int digit = code.charAt(length - 1 - i) - '0';
            sum += i % 2 == 0 ? 2 * digit - digit / 5 * 9 : digit;
        }
        return (10 - sum % 10) % 10 == code.charAt(code.length() - 1) - '0';
    }
}

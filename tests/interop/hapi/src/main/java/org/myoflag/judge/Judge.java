package org.myoflag.judge;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.StrictErrorHandler;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;

/** One validator for many resources; safe for several threads once all definitions are loaded. */
final class Judge {
    /** A finding. The location is a FHIRPath-like place in the resource, never its content. */
    record Finding(boolean isError, String location, String text, String id) {
        @Override
        public String toString() {
            return (isError ? "error" : "warning") + ": " + location + ": " + text + (id == null ? "" : " [" + id + "]");
        }
    }

    private final FhirContext context = FhirContext.forR4();
    private final Definitions definitions = new Definitions(context);
    private final ExternalCodes external = new ExternalCodes(context);
    private final FhirValidator validator = context.newValidator();
    private final Codings codings;

    Judge() {
        context.setParserErrorHandler(new StrictErrorHandler());
        ValidationSupportChain chain = new ValidationSupportChain(
                definitions,
                new DefaultProfileValidationSupport(context),
                new CommonCodeSystemsTerminologyService(context),
                external,
                new InMemoryTerminologyServerValidationSupport(context),
                new SnapshotGeneratingValidationSupport(context));
        codings = new Codings(chain, external);
        FhirInstanceValidator instance = new FhirInstanceValidator(chain);
        instance.setAnyExtensionsAllowed(false);  // known ones only: those of R4 itself, and those loaded
        instance.setErrorForUnknownProfiles(true);
        // Our resources refer to each other inside the Bundle and to the EHR's own resources, which are elsewhere.
        instance.setAssumeValidRestReferences(true);
        validator.registerValidatorModule(instance);
    }

    FhirContext context() {
        return context;
    }

    ExternalCodes external() {
        return external;
    }

    /** Definitions to hold resources against: a resource, or a Bundle of them, in JSON or XML. */
    void load(String text) {
        IBaseResource resource = isXml(text)
                ? context.newXmlParser().parseResource(text)
                : context.newJsonParser().parseResource(text);
        definitions.add(resource);
    }

    /** Every finding about the resource written in this text (JSON or XML). Text that cannot be read is a finding too. */
    List<Finding> judge(String text) {
        List<Finding> findings = new ArrayList<>();
        try {
            for (SingleValidationMessage m : validator.validateWithResult(text).getMessages()) {
                // A urn:uuid that its Bundle does not contain can be found nowhere: to HAPI a warning, to us an error.
                boolean isError = m.getSeverity() == ResultSeverityEnum.ERROR || m.getSeverity() == ResultSeverityEnum.FATAL
                        || "Bundle_BUNDLE_Not_Local".equals(m.getMessageId());
                if (isError || m.getSeverity() == ResultSeverityEnum.WARNING) {
                    findings.add(new Finding(isError, place(m), m.getMessage(), m.getMessageId()));
                }
            }
            String json = !isXml(text) ? text : context.newJsonParser().encodeResourceToString(context.newXmlParser().parseResource(text));
            codings.check(json, findings);
        } catch (RuntimeException | JsonProcessingException e) {
            findings.add(new Finding(true, "$", "cannot be read: " + e.getMessage(), null));
        }
        return findings;
    }

    private static String place(SingleValidationMessage m) {
        String where = m.getLocationString() == null || m.getLocationString().isEmpty() ? "$" : m.getLocationString();
        return m.getLocationLine() == null || m.getLocationLine() <= 1 ? where : where + " (line " + m.getLocationLine() + ")";
    }

    static boolean isXml(String text) {
        return text.stripLeading().startsWith("<");
    }
}

package org.myoflag.judge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The judge passes what is sound and finds what is planted: a judge that finds nothing proves nothing. */
class JudgeTest {
    private static final Judge JUDGE = new Judge();

    private static final String CODES = """
            {"resourceType":"CodeSystem","url":"https://t.example/cs","version":"1","status":"active","content":"complete",
             "caseSensitive":true,"concept":[{"code":"calf","display":"Calf"},{"code":"tongue","display":"Tongue"}]}""";
    private static final String PLACES = """
            {"resourceType":"ValueSet","url":"https://t.example/vs","version":"1","status":"active",
             "compose":{"include":[{"system":"https://t.example/cs","concept":[{"code":"calf"},{"code":"tongue"}]}]}}""";
    private static final String FORM = """
            {"resourceType":"Questionnaire","url":"https://t.example/q","version":"1","status":"active","item":[
             {"linkId":"where","text":"Where?","type":"choice","repeats":true,"answerOption":[
               {"valueCoding":{"system":"https://t.example/cs","code":"calf","display":"Calf"}},
               {"valueCoding":{"system":"https://t.example/cs","code":"tongue","display":"Tongue"}}]},
             {"linkId":"weak","text":"Weak?","type":"boolean","required":true}]}""";

    static final String OBSERVATION = """
            {"resourceType":"Observation","status":"final",
             "category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}],
             "code":{"coding":[{"system":"http://loinc.org","code":"44249-1"},{"system":"http://snomed.info/sct","code":"82470000"}]},
             "subject":{"reference":"Patient/1"},"effectiveDateTime":"2024-05-01T10:00:00Z",
             "valueCodeableConcept":{"coding":[{"system":"https://t.example/cs","code":"calf","display":"Calf"}]}}""";
    private static final String ABSENT = """
            {"resourceType":"Observation","status":"final","code":{"text":"Red flag"},
             "dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"}]}}""";
    private static final String LAB = """
            {"resourceType":"Observation","status":"final","code":{"text":"Magnesium"},
             "valueQuantity":{"value":0.80,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}""";
    private static final String REQUEST = """
            {"resourceType":"ServiceRequest","status":"draft","intent":"proposal","priority":"urgent","code":{"text":"EMG"},
             "subject":{"reference":"Patient/1"}}""";
    private static final String RESPONSE = """
            {"resourceType":"QuestionnaireResponse","questionnaire":"https://t.example/q|1","status":"completed",
             "authored":"2024-05-01T10:00:00+02:00","item":[
             {"linkId":"where","text":"Where?","answer":[{"valueCoding":{"system":"https://t.example/cs","code":"calf","display":"Calf"}}]},
             {"linkId":"weak","text":"Weak?","answer":[{"valueBoolean":false}]}]}""";
    private static final String BUNDLE = """
            {"resourceType":"Bundle","type":"transaction","entry":[
             {"fullUrl":"urn:uuid:11111111-1111-4111-8111-111111111111","resource":{"resourceType":"Observation","status":"final",
              "code":{"text":"a"},"valueBoolean":true},"request":{"method":"POST","url":"Observation","ifNoneExist":"identifier=a"}},
             {"fullUrl":"urn:uuid:22222222-2222-4222-8222-222222222222","resource":{"resourceType":"Observation","status":"final",
              "code":{"text":"b"},"hasMember":[{"reference":"urn:uuid:11111111-1111-4111-8111-111111111111"}]},
              "request":{"method":"POST","url":"Observation"}}]}""";

    @BeforeAll
    static void load() {
        List.of(CODES, PLACES, FORM).forEach(JUDGE::load);
    }

    private static List<String> errors(String text) {
        return JUDGE.judge(text).stream().filter(Judge.Finding::isError).map(Judge.Finding::toString).toList();
    }

    static List<String> sound() {
        return List.of(OBSERVATION, OBSERVATION.replace("\"status\"", "\"meta\":{\"tag\":[{\"system\":\"https://t.example/labels\",\"code\":\"x\"}]},\"status\""), ABSENT, LAB, REQUEST, RESPONSE, BUNDLE, CODES, PLACES, FORM,
                "<Observation xmlns=\"http://hl7.org/fhir\"><status value=\"final\"/><code><text value=\"a\"/></code></Observation>",
                OBSERVATION.replace("\"status\"", "\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/observation-bodyPosition\","
                        + "\"valueCodeableConcept\":{\"text\":\"lying\"}}],\"status\""));
    }

    @ParameterizedTest
    @MethodSource("sound")
    void SoundResourcesPass(String text) {
        assertEquals(List.of(), errors(text));
    }

    private record Broken(String what, String text, String words) {
        @Override
        public String toString() {
            return what;
        }
    }

    private static Broken broken(String what, String base, String from, String to, String words) {
        assertTrue(base.contains(from), what);
        return new Broken(what, base.replace(from, to), words);
    }

    static List<Broken> planted() {
        return List.of(
                broken("required element missing", OBSERVATION, "\"status\":\"final\",", "", "Observation.status"),
                broken("unknown element", OBSERVATION, "\"subject\"", "\"colour\":\"red\",\"subject\"", "colour"),
                broken("code outside a required binding", OBSERVATION, "\"final\"", "\"done\"", "done"),
                broken("date that is not in the calendar", OBSERVATION, "2024-05-01", "2023-02-29", "effective"),
                broken("dateTime without a zone", OBSERVATION, "10:00:00Z", "10:00:00", "effective"),
                broken("value beside dataAbsentReason (obs-6)", ABSENT, "\"dataAbsentReason\"", "\"valueBoolean\":true,\"dataAbsentReason\"", "obs-6"),
                broken("unknown code of our system", OBSERVATION, "\"calf\"", "\"calves\"", "calves"),
                broken("unknown code system", OBSERVATION, "https://t.example/cs", "https://t.example/other", "https://t.example/other"),
                broken("unknown code of a FHIR system", OBSERVATION, "\"survey\"", "\"surveys\"", "surveys"),
                broken("SNOMED CT check digit", OBSERVATION, "82470000", "82470001", "82470001"),
                broken("LOINC check digit", OBSERVATION, "44249-1", "44249-2", "44249-2"),
                broken("no UCUM unit", LAB, "\"code\":\"mmol/L\"", "\"code\":\"mmmol/L\"", "mmmol/L"),
                broken("extension nobody knows", OBSERVATION, "\"status\"", "\"extension\":[{\"url\":\"https://t.example/e\",\"valueCode\":\"x\"}],\"status\"", "https://t.example/e"),
                broken("profile nobody knows", OBSERVATION, "\"status\"", "\"meta\":{\"profile\":[\"https://t.example/p\"]},\"status\"", "https://t.example/p"),
                broken("reference to the wrong type", OBSERVATION, "Patient/1", "Medication/1", "Medication"),
                broken("wrong primitive type", ABSENT, "{\"text\":\"Red flag\"}", "{\"text\":7}", "text"),
                broken("intent that does not exist", REQUEST, "\"proposal\"", "\"wish\"", "wish"),
                broken("answer outside the options", RESPONSE, "\"code\":\"calf\",\"display\":\"Calf\"", "\"code\":\"nose\"", "nose"),
                broken("answer of the wrong type", RESPONSE, "\"valueBoolean\":false", "\"valueString\":\"no\"", "string"),
                broken("question that does not exist", RESPONSE, "\"linkId\":\"where\"", "\"linkId\":\"whence\"", "whence"),
                broken("required question not answered", RESPONSE, ",\n {\"linkId\":\"weak\",\"text\":\"Weak?\",\"answer\":[{\"valueBoolean\":false}]}", "", "weak"),
                broken("reference out of the Bundle", BUNDLE, "\"urn:uuid:11111111-1111-4111-8111-111111111111\"}]", "\"urn:uuid:33333333-3333-4333-8333-333333333333\"}]", "33333333"),
                broken("address used twice", BUNDLE, "22222222-2222-4222-8222-222222222222", "11111111-1111-4111-8111-111111111111", "bdl-7"),
                broken("transaction entry without request", BUNDLE, ",\n  \"request\":{\"method\":\"POST\",\"url\":\"Observation\"}", "", "bdl-3"),
                broken("error inside a Bundle", BUNDLE, "\"status\":\"final\",\n  \"code\":{\"text\":\"a\"}", "\"code\":{\"text\":\"a\"}", "entry[0]"),
                new Broken("truncated text", OBSERVATION.substring(0, 200), "$"),
                new Broken("no FHIR at all", "{\"a\":1}", ""),
                new Broken("unknown resource type", "{\"resourceType\":\"Patent\"}", "Patent"),
                new Broken("XML with an unknown element", "<Patient xmlns=\"http://hl7.org/fhir\"><colour value=\"red\"/></Patient>", "colour"));
    }

    @ParameterizedTest
    @MethodSource("planted")
    void PlantedErrorsAreFoundAtTheirPlace(Broken broken) {
        List<String> errors = errors(broken.text());
        assertFalse(errors.isEmpty(), "nothing found");
        assertTrue(errors.stream().anyMatch(e -> e.contains(broken.words())), errors.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"82470000", "404684003", "373066001", "11687002", "900000000000441003"})
    void SnomedConceptsHaveAVerhoeffCheckDigit(String code) {
        assertTrue(ExternalCodes.isSnomedConcept(code));
        char last = code.charAt(code.length() - 1);
        for (char other = '0'; other <= '9'; other++) {
            assertEquals(other == last, ExternalCodes.isSnomedConcept(code.substring(0, code.length() - 1) + other));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"44249-1", "2601-3", "LA6568-5", "19123-9", "LP7839-6"})
    void LoincCodesHaveAMod10CheckDigit(String code) {
        assertTrue(ExternalCodes.isLoinc(code));
        char last = code.charAt(code.length() - 1);
        for (char other = '0'; other <= '9'; other++) {
            assertEquals(other == last, ExternalCodes.isLoinc(code.substring(0, code.length() - 1) + other));
        }
    }

    @ParameterizedTest
    @CsvSource({"http://www.nlm.nih.gov/research/umls/rxnorm,6754,true", "http://www.nlm.nih.gov/research/umls/rxnorm,x1,false",
        "http://www.whocc.no/atc,R03AC02,true", "http://www.whocc.no/atc,R03A02,false",
        "http://hl7.org/fhir/sid/icd-10-cm,G12.21,true", "http://hl7.org/fhir/sid/icd-10,12.2,false"})
    void OtherExternalCodesAreHeldAgainstTheirPattern(String system, String code, boolean right) {
        assertEquals(right, ExternalCodes.SYSTEMS.get(system).test(code));
        assertTrue(JUDGE.external().isCodeSystemSupported(null, system));
        assertFalse(JUDGE.external().isCodeSystemSupported(null, system + "x"));
    }

    @Test
    void ACodeThatAValueSetDoesNotHaveIsRefusedAlsoForExternalSystems() {
        Judge judge = new Judge();
        judge.load("""
                {"resourceType":"ValueSet","url":"https://t.example/two","status":"active","compose":{"include":[
                 {"system":"http://snomed.info/sct","concept":[{"code":"373066001"},{"code":"373067005"}]}]}}""");
        judge.load("""
                {"resourceType":"Questionnaire","url":"https://t.example/yn","status":"active","item":[
                 {"linkId":"a","type":"choice","text":"A?","answerValueSet":"https://t.example/two"}]}""");
        String answer = """
                {"resourceType":"QuestionnaireResponse","questionnaire":"https://t.example/yn","status":"completed","item":[
                 {"linkId":"a","text":"A?","answer":[{"valueCoding":{"system":"http://snomed.info/sct","code":"373066001"}}]}]}""";
        assertEquals(List.of(), judge.judge(answer).stream().filter(Judge.Finding::isError).toList());
        List<Judge.Finding> other = judge.judge(answer.replace("373066001", "82470000"));
        assertTrue(other.stream().anyMatch(f -> f.isError() && f.text().contains("82470000")), other.toString());
    }

    @Test
    void WhatCannotBeLoadedIsRefused() {
        for (String text : List.of("{", "{\"resourceType\":\"Patient\"}", "{\"resourceType\":\"Questionnaire\",\"status\":\"draft\"}")) {
            boolean refused = false;
            try {
                new Judge().load(text);
            } catch (RuntimeException e) {
                refused = true;
            }
            assertTrue(refused, text);
        }
    }
}

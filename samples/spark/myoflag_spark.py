#!/usr/bin/env python3
"""Judges NDJSON of QuestionnaireResponses on a Spark cluster: every partition goes through the one `myoflag` program.

    spark-submit myoflag_spark.py --program /opt/myoflag/myoflag --input 'hdfs:///answers/*.ndjson.gz' --output hdfs:///judged --now 2026-11-22T09:00:00Z

The program must be at the same path on every worker; it is one file and needs no set-up. Output: OUTPUT/results and OUTPUT/errors, text
files with one JSON a line. A task that dies is run again by Spark; what it writes is the same, and Spark keeps the output of one attempt only.
"""
import argparse
import subprocess
import threading

from pyspark.sql import SparkSession

REFUSED = 1  # some records have no result; each is an OperationOutcome in the output


def judge(program, arguments):
    """A function from the lines of a partition to the lines of `myoflag batch - -o -`."""

    def run(lines):
        process = subprocess.Popen([program, "batch", "-", "-o", "-", "--quiet", "--threads", "1", *arguments],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        def feed():
            try:
                for line in lines:
                    process.stdin.write(line.encode() + b"\n")
                process.stdin.close()
            except BrokenPipeError:
                pass  # it ended early; its exit code says why
            except BaseException:
                process.kill()  # what it would write of half an input must not count
                raise

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        for line in process.stdout:
            yield line.decode().rstrip("\n")
        feeder.join()
        code = process.wait()
        if code not in (0, REFUSED):
            # Not what it wrote: that may speak of patients. Spark runs the task again.
            raise RuntimeError(f"myoflag ended with exit code {code}")

    return run


def is_error(line):
    return line.startswith('{"resourceType":"OperationOutcome"')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="path of myoflag on the workers")
    parser.add_argument("--input", required=True, help="NDJSON, as Spark names files; also compressed")
    parser.add_argument("--output", required=True, help="folder that is not there yet")
    parser.add_argument("--now", required=True, help="time of the evaluation: the same for every task and every attempt")
    parser.add_argument("--write", default="resources", choices=["resources", "bundles", "assessments"],
                        help="what a line of the results is: a FHIR resource (by far the quickest), or all of one response")
    parser.add_argument("--partitions", type=int, default=0, help="parts to spread the lines over; default: as Spark splits the files")
    options = parser.parse_args()
    spark = SparkSession.builder.appName("myoflag").getOrCreate()
    lines = spark.sparkContext.textFile(options.input)
    if options.partitions:
        lines = lines.repartition(options.partitions)
    judged = lines.mapPartitions(judge(options.program, ["--now", options.now, "--write", options.write]))
    # Judged once, written twice.
    judged.persist()
    judged.filter(lambda line: not is_error(line)).saveAsTextFile(options.output + "/results")
    judged.filter(is_error).saveAsTextFile(options.output + "/errors")
    spark.stop()


if __name__ == "__main__":
    main()

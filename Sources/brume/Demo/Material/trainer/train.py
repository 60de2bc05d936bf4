"""Learns to read handwritten digits: data from a bucket, the model and its accuracy into a bucket."""

import argparse
import io
import json
import os

import joblib
import numpy
from google.cloud import storage
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def blob(client, uri):
    bucket, name = uri.removeprefix("gs://").split("/", 1)
    return client.bucket(bucket).blob(name)


parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True, help="gs://BUCKET/digits.csv: 64 pixels and the digit, one digit a line")
parser.add_argument("--epochs", type=int, default=12)
options = parser.parse_args()

client = storage.Client()
table = numpy.loadtxt(io.BytesIO(blob(client, options.data).download_as_bytes()), delimiter=",")
print(f"{len(table)} digits read from {options.data}")
pixels, digits = table[:, :-1] / 16, table[:, -1].astype(int)
seen, unseen, answers, unseen_answers = train_test_split(pixels, digits, test_size=0.25, random_state=0)

model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.003, batch_size=64, random_state=0)
accuracy = 0.0
for epoch in range(1, options.epochs + 1):
    order = numpy.random.default_rng(epoch).permutation(len(seen))
    model.partial_fit(seen[order], answers[order], classes=range(10))
    accuracy = accuracy_score(unseen_answers, model.predict(unseen))
    print(f"epoch {epoch:2}: loss {model.loss_:.3f}, accuracy {accuracy:.4f}")

folder = os.environ["AIP_MODEL_DIR"]
content = io.BytesIO()
joblib.dump(model, content)
blob(client, folder + "model.joblib").upload_from_string(content.getvalue())
metrics = {"accuracy": accuracy, "epochs": options.epochs, "job": os.environ.get("CLOUD_ML_JOB_ID")}
blob(client, folder + "metrics.json").upload_from_string(json.dumps(metrics), content_type="application/json")
print(f"the model is in {folder}")

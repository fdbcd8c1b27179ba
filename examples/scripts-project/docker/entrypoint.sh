#!/bin/sh
set -e
exec python manage.py runserver --noreload 0.0.0.0:8000

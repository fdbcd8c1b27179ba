from setuptools import find_packages, setup
setup(
    name="demand", version="0.1", package_dir={"": "src"}, packages=find_packages("src"),
    install_requires=["pandas", "scikit-learn"],
    entry_points={"console_scripts": ["demand-train = demand.train:main", "demand-clean=demand.clean:main"]},
)

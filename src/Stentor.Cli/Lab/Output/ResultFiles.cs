namespace Stentor.Cli.Lab.Output;

/// <summary>The directory with what was measured. What is added is in its files at once: a run that is ended leaves what it had.</summary>
internal sealed class ResultFiles : IDisposable
{
    private readonly StreamWriter _rows;
    private readonly StreamWriter? _samples;

    /// <summary>Starts the files anew; what an earlier run left goes, so that nothing of it lies beside these figures.</summary>
    /// <param name="directory">The directory; made when it does not exist.</param>
    /// <param name="withSamples">Whether samples are kept.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public ResultFiles(string directory, bool withSamples)
    {
        System.IO.Directory.CreateDirectory(directory);
        Directory = directory;
        foreach (var name in (IEnumerable<string>)[CsvText.SamplesFile, LabReport.File, .. Plot.Names.SelectMany(plot => new[] { $"{plot}.png", $"{plot}.gp", $"{plot}.dat" })])
        {
            File.Delete(PathOf(name));
        }

        _rows = NewFile(CsvText.RowsFile, CsvText.RowsHead);
        _samples = withSamples ? NewFile(CsvText.SamplesFile, CsvText.SamplesHead) : null;
    }

    /// <summary>The directory.</summary>
    public string Directory { get; }

    /// <summary>Adds what was measured.</summary>
    /// <param name="combination">What was measured.</param>
    /// <param name="measurement">What it brought.</param>
    public void Add(Combination combination, Measurement measurement)
    {
        foreach (var row in measurement.Rows)
        {
            _rows.WriteLine(CsvText.Line(row));
        }

        _rows.Flush();
        if (_samples is null)
        {
            return;
        }

        foreach (var (arch, client, sample) in measurement.Samples)
        {
            _samples.WriteLine(CsvText.Line(arch, combination, client, sample));
        }

        _samples.Flush();
    }

    /// <summary>The path of one of its files.</summary>
    /// <param name="name">The file.</param>
    public string PathOf(string name) => Path.Combine(Directory, name);

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows.Dispose();
        _samples?.Dispose();
    }

    private StreamWriter NewFile(string name, string head)
    {
        var file = new StreamWriter(PathOf(name)) { NewLine = "\n" };
        file.WriteLine(head);
        file.Flush();
        return file;
    }
}

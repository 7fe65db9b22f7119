from aurora_mm.analysis.report.html_report import write_html_report

__all__ = ['write_html_report']
